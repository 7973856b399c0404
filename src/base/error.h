// Raising the library's one exception type with a message put together from its parts.
#pragma once

#include <sstream>
#include <string>
#include <utility>

#include "streamdiffusion/error.h"

namespace streamdiffusion::base {

using streamdiffusion::Error;
using streamdiffusion::ErrorCode;
using streamdiffusion::to_string;

/// Joins its arguments through operator<<.
template <typename... Parts>
std::string concat(Parts&&... parts) {
  std::ostringstream out;
  (out << ... << std::forward<Parts>(parts));
  return std::move(out).str();
}

/// Throws Error(code) with the joined parts as its message.
template <typename... Parts>
[[noreturn]] void fail(ErrorCode code, Parts&&... parts) {
  throw Error(code, concat(std::forward<Parts>(parts)...));
}

/// Throws Error(code) with the joined parts unless `condition` holds.
template <typename... Parts>
void require(bool condition, ErrorCode code, Parts&&... parts) {
  if (!condition) fail(code, std::forward<Parts>(parts)...);
}

}  // namespace streamdiffusion::base

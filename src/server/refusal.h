// What a client is told when its request cannot be met.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

#include "base/error.h"

namespace streamdiffusion::server {

/// Thrown while a request is read; becomes an HTTP error or an `error` message.
class Refusal : public std::runtime_error {
 public:
  /// `status` is the HTTP status; `param` the parameter at fault, or empty.
  Refusal(int status, std::string code, const std::string& message, std::string param = {})
      : std::runtime_error(message),
        status_(status),
        code_(std::move(code)),
        param_(std::move(param)) {}

  int status() const { return status_; }
  const std::string& code() const { return code_; }
  const std::string& param() const { return param_; }

 private:
  int status_;
  std::string code_, param_;
};

/// Throws Refusal 400 "bad_request" with the joined parts.
template <typename... Parts>
[[noreturn]] void refuse(Parts&&... parts) {
  throw Refusal(400, "bad_request", base::concat(std::forward<Parts>(parts)...));
}

/// 400 for what the client can mend, 500 for a failure of ours.
inline Refusal refusal_of(const Error& error) {
  const bool ours = error.code() == ErrorCode::internal || error.code() == ErrorCode::io ||
                    error.code() == ErrorCode::numeric;
  return {ours ? 500 : 400, ours ? "internal" : "bad_request", error.what()};
}

}  // namespace streamdiffusion::server

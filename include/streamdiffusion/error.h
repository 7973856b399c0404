// The one exception type of the library. A message names the file, tensor, field or flag, the value
// found and the value expected; the code says which kind of failure it is, for callers and for exit
// codes.
#pragma once

#include <stdexcept>
#include <string>

namespace streamdiffusion {

enum class ErrorCode {
  invalid_argument,  ///< A flag, option or frame is outside what is allowed.
  not_found,         ///< A file, folder, tensor or device does not exist.
  corrupt_file,      ///< A file's content is truncated or contradicts itself.
  unsupported,       ///< Understood, but not implemented; never ignored silently.
  io,                ///< The operating system refused to read or write.
  numeric,           ///< A latent or image is not finite.
  busy,              ///< As many as allowed are in use; try again later.
  internal,          ///< A defect of this library.
};

/// Short lower-case name of a code, for logs: "invalid argument", "corrupt file", …
const char* to_string(ErrorCode code);

class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ErrorCode code() const noexcept { return code_; }

 private:
  ErrorCode code_;
};

}  // namespace streamdiffusion

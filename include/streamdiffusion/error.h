// The one exception type of the library. A message names the file, tensor, field or flag, the value
// found and the value expected; the code says which kind of failure it is, for callers and for exit
// codes.
#pragma once

#include <stdexcept>
#include <string>

namespace streamdiffusion {

enum class ErrorCode {
  /// A flag, option or frame is outside what is allowed.
  invalid_argument,
  /// A file, folder, tensor or device does not exist.
  not_found,
  /// A file's content is truncated or contradicts itself.
  corrupt_file,
  /// Understood, but not implemented; never ignored silently.
  unsupported,
  /// The operating system refused to read or write.
  io,
  /// A latent or image is not finite.
  numeric,
  /// As many as allowed are in use; try again later.
  busy,
  /// A defect of this library.
  internal,
};

/// Short lower-case name of a code, for logs: "invalid argument", "corrupt file", …
const char* to_string(ErrorCode code);

class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  /// A copy has a text of its own, so that two threads may each keep one. Copies of a
  /// std::runtime_error share theirs.
  Error(const Error& other) : std::runtime_error(other.what()), code_(other.code_) {}
  Error& operator=(const Error& other) {
    std::runtime_error::operator=(std::runtime_error(other.what()));
    code_ = other.code_;
    return *this;
  }
  ~Error() override = default;
  ErrorCode code() const noexcept { return code_; }

 private:
  ErrorCode code_;
};

}  // namespace streamdiffusion

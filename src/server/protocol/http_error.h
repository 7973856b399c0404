// The error that a client is sent when its request cannot be met.
#pragma once

#include <map>
#include <stdexcept>
#include <string>
#include <utility>

#include "base/error.h"

namespace streamdiffusion::server {

/// Thrown while a request is read. Becomes an HTTP error response or an `error` message.
class HttpError : public std::runtime_error {
 public:
  /// `status` is the HTTP status, `param` the invalid parameter or empty.
  HttpError(int status, std::string code, const std::string& message, std::string param = {})
      : std::runtime_error(message),
        status_(status),
        code_(std::move(code)),
        param_(std::move(param)) {}
  /// As for Error: a copy has a text of its own, because it goes to another thread.
  HttpError(const HttpError& other)
      : std::runtime_error(other.what()),
        status_(other.status_),
        code_(other.code_),
        param_(other.param_),
        numbers_(other.numbers_) {}
  HttpError& operator=(const HttpError& other) {
    std::runtime_error::operator=(std::runtime_error(other.what()));
    status_ = other.status_;
    code_ = other.code_;
    param_ = other.param_;
    numbers_ = other.numbers_;
    return *this;
  }
  ~HttpError() override = default;

  int status() const { return status_; }
  const std::string& code() const { return code_; }
  const std::string& param() const { return param_; }
  /// What the message says in numbers, for programs; members of the error beside those.
  const std::map<std::string, double>& numbers() const { return numbers_; }
  void add(const std::string& name, double number) { numbers_[name] = number; }

 private:
  int status_;
  std::string code_, param_;
  std::map<std::string, double> numbers_;
};

/// Throws HttpError 400 "bad_request" with the joined parts as its message.
template <typename... Parts>
[[noreturn]] void throw_bad_request(Parts&&... parts) {
  throw HttpError(400, "bad_request", base::concat(std::forward<Parts>(parts)...));
}

/// A failure of the server, 500. What was wrong may name files of this machine, so only the log
/// says it.
HttpError internal_error(const char* what);

/// 400 for what the client can correct, 503 for what another time may allow, else internal_error().
HttpError to_http_error(const Error& error);
/// The same for whatever is being handled. To be called in a catch block.
HttpError current_http_error();

}  // namespace streamdiffusion::server

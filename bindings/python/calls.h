// What every call of the module does: it gives the interpreter's lock away, raises what the library
// refuses, and hands the library's messages to Python's logging.
#pragma once

#include <nanobind/nanobind.h>

#include <optional>
#include <string>

#include "streamdiffusion/c.h"

namespace streamdiffusion::python {

/// Gives the interpreter's lock away, until wait_for_calls().
class Unlocked {
 public:
  Unlocked();
  Unlocked(const Unlocked&) = delete;
  Unlocked& operator=(const Unlocked&) = delete;
  ~Unlocked();

 private:
  std::optional<nanobind::gil_scoped_release> released_;
};

/// From now on calls keep the lock. Waits for at most so long for those that do not have it.
/// `threads_remain`: some will never run again, so that what they hold is no leak to be told of.
void wait_for_calls(double seconds, bool threads_remain);

/// From now on the library's messages are kept for tell_messages(): a thread of the library must
/// never wait for the interpreter.
void keep_messages();
/// Hands the messages kept to streamdiffusion_cpp._log. Every call does so before it returns.
void tell_messages();

/// Raises what streamdiffusion_cpp._errors makes of a status.
[[noreturn]] void raise(streamdiffusion_status status, const std::string& message,
                        const std::string& parameter);
/// Raises an error of the library's, and frees it, unless the status is that of success. `error` is
/// a reference, so that it is read after the call whose status stands beside it.
void check(streamdiffusion_status status, streamdiffusion_error*& error);

/// The status of `call(&error)`, which runs without the interpreter's lock.
template <typename Call>
streamdiffusion_status status_of(Call call, streamdiffusion_error*& error) {
  streamdiffusion_status status;
  {
    const Unlocked unlocked;
    status = call(&error);
  }
  tell_messages();
  return status;
}

/// What `call(&error)` refuses is raised.
template <typename Call>
void run(Call call) {
  streamdiffusion_error* error = nullptr;
  check(status_of(call, error), error);
}

/// What a function writes that returns text.
template <typename Function, typename Handle>
std::string text_of(Function function, Handle* handle) {
  char* text = nullptr;
  run([&](auto** error) { return function(handle, &text, error); });
  std::string copy = text;
  streamdiffusion_string_free(text);
  return copy;
}

}  // namespace streamdiffusion::python

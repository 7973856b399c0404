// Errors of a live session's frames and changes, kept for Python: a thread of the library must
// never wait for the interpreter.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "streamdiffusion/c.h"

namespace streamdiffusion::python {

struct Failure {
  streamdiffusion_status status;
  std::string message, parameter;
  /// None for a change.
  std::optional<std::uint64_t> frame_id;
};

/// Of one session. A thread that the session leaves behind may still report after its end; that is
/// dropped, because nobody is left to hear it.
class Failures {
 public:
  Failures();
  ~Failures();
  Failures(const Failures&) = delete;
  Failures& operator=(const Failures&) = delete;

  /// streamdiffusion_live_options::error, with user() as its `user`.
  static void keep(const streamdiffusion_error* error, int has_frame, std::uint64_t frame_id,
                   void* user);
  void* user() const;
  /// The oldest that is kept.
  std::optional<Failure> take();

 private:
  std::uintptr_t number_;
};

}  // namespace streamdiffusion::python

#include "calls.h"

#include <nanobind/stl/string.h>

#include <atomic>
#include <chrono>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

namespace nb = nanobind;

namespace streamdiffusion::python {
namespace {

/// Threads that are in the library without the interpreter's lock. When the interpreter ends, it
/// ends a thread where that asks for the lock; in a function of C++ this ends the process.
std::atomic<int> calls{0};
std::atomic<bool> ended{false};

struct Messages {
  std::mutex mutex;
  std::deque<std::pair<int, std::string>> waiting;
};

/// Never freed: a thread of the library may end after the module.
Messages& messages() {
  static Messages& all = *new Messages;
  return all;
}

}  // namespace

Unlocked::Unlocked() {
  if (ended) return;
  ++calls;
  released_.emplace();
}

Unlocked::~Unlocked() {
  if (!released_) return;
  released_.reset();
  --calls;
}

void wait_for_calls(double seconds, bool threads_remain) {
  ended = true;
  if (threads_remain) nb::set_leak_warnings(false);
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  const nb::gil_scoped_release released;
  while (calls > 0 && std::chrono::steady_clock::now() < end)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

void keep_messages() {
  streamdiffusion_set_log_callback(
      [](streamdiffusion_log_level level, const char* message, void*) {
        const std::lock_guard lock(messages().mutex);
        messages().waiting.emplace_back(level, message);
      },
      nullptr);
}

void tell_messages() {
  std::deque<std::pair<int, std::string>> taken;
  {
    const std::lock_guard lock(messages().mutex);
    taken.swap(messages().waiting);
  }
  if (taken.empty()) return;
  const nb::object tell = nb::module_::import_("streamdiffusion_cpp._log").attr("tell");
  for (const auto& [level, message] : taken) tell(level, message);
}

void raise(streamdiffusion_status status, const std::string& message,
           const std::string& parameter) {
  const nb::object exception = nb::module_::import_("streamdiffusion_cpp._errors")
                                   .attr("make")(static_cast<int>(status), message, parameter);
  PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(exception.ptr())), exception.ptr());
  throw nb::python_error();
}

void check(streamdiffusion_status status, streamdiffusion_error*& error) {
  if (status == STREAMDIFFUSION_OK) return;
  const std::string message = streamdiffusion_error_message(error);
  const std::string parameter = streamdiffusion_error_parameter(error);
  streamdiffusion_error_free(error);
  raise(status, message, parameter);
}

}  // namespace streamdiffusion::python

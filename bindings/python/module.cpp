// The compiled part of the Python package: the C interface with arrays and exceptions of Python's.
// Parameters go through as JSON text; the Python files beside this one make it of keywords.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/unique_ptr.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "streamdiffusion/c.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace {

/// Threads that are in the library without the interpreter's lock. When the interpreter ends, it
/// ends a thread where that asks for the lock; in a function of C++ this ends the process.
std::atomic<int> calls{0};
std::atomic<bool> ended{false};

/// Gives the interpreter's lock away, until wait_for_calls().
class Unlocked {
 public:
  Unlocked() {
    if (ended) return;
    ++calls;
    released_.emplace();
  }
  Unlocked(const Unlocked&) = delete;
  Unlocked& operator=(const Unlocked&) = delete;
  ~Unlocked() {
    if (!released_) return;
    released_.reset();
    --calls;
  }

 private:
  std::optional<nb::gil_scoped_release> released_;
};

/// From now on calls keep the lock. Waits for at most so long for those that do not have it.
/// `threads_remain`: some will never run again, so that what they hold is no leak to be told of.
void wait_for_calls(double seconds, bool threads_remain) {
  ended = true;
  if (threads_remain) nb::set_leak_warnings(false);
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  const nb::gil_scoped_release released;
  while (calls > 0 && std::chrono::steady_clock::now() < end)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

/// [height, width, 3 or 4], bytes, with any row stride, in this machine's memory or a card's.
using Pixels = nb::ndarray<const std::uint8_t, nb::shape<-1, -1, -1>>;

/// Raises what streamdiffusion_cpp._errors makes of a status.
[[noreturn]] void raise(streamdiffusion_status status, const std::string& message,
                        const std::string& parameter) {
  const nb::object exception = nb::module_::import_("streamdiffusion_cpp._errors")
                                   .attr("make")(static_cast<int>(status), message, parameter);
  PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(exception.ptr())), exception.ptr());
  throw nb::python_error();
}

/// Raises an error of the library's, and frees it.
[[noreturn]] void raise(streamdiffusion_status status, streamdiffusion_error* error) {
  const std::string message = streamdiffusion_error_message(error);
  const std::string parameter = streamdiffusion_error_parameter(error);
  streamdiffusion_error_free(error);
  raise(status, message, parameter);
}

std::int32_t memory_of(const Pixels& pixels) {
  constexpr int kCudaManaged = 13;  // of DLPack
  const int device = pixels.device_type();
  if (device == nb::device::cpu::value || device == nb::device::cuda_host::value)
    return STREAMDIFFUSION_MEMORY_HOST;
  if (device == nb::device::cuda::value || device == kCudaManaged)
    return STREAMDIFFUSION_MEMORY_CUDA;
  raise(STREAMDIFFUSION_INVALID_ARGUMENT,
        "a frame is in the memory of another device, expected this machine's or an NVIDIA card's",
        "");
}

/// `error` is a reference, so that it is read after the call whose status stands beside it.
void check(streamdiffusion_status status, streamdiffusion_error*& error) {
  if (status != STREAMDIFFUSION_OK) raise(status, error);
}

/// What `call(&error)` refuses is raised. It runs without the interpreter's lock.
template <typename Call>
void run(Call call) {
  streamdiffusion_error* error = nullptr;
  streamdiffusion_status status;
  {
    const Unlocked unlocked;
    status = call(&error);
  }
  check(status, error);
}

std::string taken(char* text) {
  std::string copy = text;
  streamdiffusion_string_free(text);
  return copy;
}

/// What a function writes that returns text.
template <typename Function, typename Handle>
std::string text_of(Function function, Handle* handle) {
  char* text = nullptr;
  run([&](auto** error) { return function(handle, &text, error); });
  return taken(text);
}

streamdiffusion_frame frame_of(const Pixels& pixels, const std::string& format, std::uint64_t tag,
                               std::int64_t captured_ns) {
  streamdiffusion_frame frame;
  streamdiffusion_frame_init(&frame, sizeof frame);
  const bool four = pixels.shape(2) == 4;
  if ((pixels.shape(2) != 3 && !four) || pixels.stride(2) != 1 ||
      pixels.stride(1) != static_cast<std::int64_t>(pixels.shape(2)))
    raise(STREAMDIFFUSION_INVALID_ARGUMENT,
          "a frame is no array [height, width, 3 or 4] with pixels side by side", "");
  if (format != "rgb" && format != "bgr")
    raise(STREAMDIFFUSION_INVALID_ARGUMENT,
          "format is \"" + format + "\", expected \"rgb\" or \"bgr\"; a fourth channel is not read",
          "format");
  const bool bgr = format == "bgr";
  frame.format = four ? (bgr ? STREAMDIFFUSION_FORMAT_BGRA : STREAMDIFFUSION_FORMAT_RGBA)
                      : (bgr ? STREAMDIFFUSION_FORMAT_BGR : STREAMDIFFUSION_FORMAT_RGB);
  frame.memory = memory_of(pixels);
  frame.height = static_cast<std::int32_t>(pixels.shape(0));
  frame.width = static_cast<std::int32_t>(pixels.shape(1));
  frame.planes[0] = const_cast<std::uint8_t*>(pixels.data());
  frame.strides[0] = pixels.stride(0);
  frame.tag = tag;
  frame.captured_ns = captured_ns;
  return frame;
}

class Output {
 public:
  explicit Output(streamdiffusion_output* output) : output_(output) {
    info_.struct_size = sizeof info_;
    streamdiffusion_output_get(output_, &info_);
  }
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;
  ~Output() { streamdiffusion_output_release(output_); }

  const streamdiffusion_output_info& info() const { return info_; }
  /// Lives on the output's memory, which it keeps.
  nb::ndarray<nb::numpy, const std::uint8_t> image() const {
    const nb::capsule owner(streamdiffusion_output_retain(output_), [](void* output) noexcept {
      streamdiffusion_output_release(static_cast<streamdiffusion_output*>(output));
    });
    const std::size_t shape[] = {static_cast<std::size_t>(info_.height),
                                 static_cast<std::size_t>(info_.width), 3};
    return {info_.rgb, 3, shape, owner};
  }

 private:
  streamdiffusion_output* output_;
  streamdiffusion_output_info info_{};
};

/// Calls a function of Python's while models are downloaded.
struct Progress {
  nb::object function;
  std::optional<nb::python_error> raised = {};

  static int call(const char* name, std::uint64_t bytes, std::uint64_t total_bytes, void* user) {
    auto& self = *static_cast<Progress*>(user);
    const nb::gil_scoped_acquire locked;
    try {
      if (PyErr_CheckSignals() != 0) throw nb::python_error();
      if (!self.function.is_none()) self.function(name, bytes, total_bytes);
      return 0;
    } catch (nb::python_error& error) {
      self.raised.emplace(std::move(error));
      return 1;
    }
  }
};

class Engine {
 public:
  /// `on_progress(name, bytes, total_bytes)` may be None. What it raises ends a download.
  Engine(const std::string& parameters, nb::object on_progress) {
    streamdiffusion_error* error = nullptr;
    streamdiffusion_status status;
    Progress progress{std::move(on_progress)};
    {
      const Unlocked unlocked;
      status = streamdiffusion_engine_open_with_progress(parameters.c_str(), Progress::call,
                                                         &progress, &engine, &error);
    }
    if (progress.raised) {
      streamdiffusion_error_free(error);
      throw std::move(*progress.raised);
    }
    check(status, error);
  }
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  ~Engine() {
    const Unlocked unlocked;
    streamdiffusion_engine_free(engine);
  }
  std::string info() const { return text_of(streamdiffusion_engine_info, engine); }
  std::string parameters() const { return text_of(streamdiffusion_engine_parameters, engine); }

  streamdiffusion_engine* engine = nullptr;
};

class Session {
 public:
  Session(const Engine& engine, const std::string& parameters) {
    run([&](auto** error) {
      return streamdiffusion_session_open(engine.engine, parameters.c_str(), &session_, error);
    });
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() { close(); }

  void close() {
    const Unlocked unlocked;
    streamdiffusion_session_free(session_);
    session_ = nullptr;
  }
  void change(const std::string& parameters) {
    run([&](auto** error) {
      return streamdiffusion_session_change(session_, parameters.c_str(), error);
    });
  }
  std::string parameters() const { return text_of(streamdiffusion_session_parameters, session_); }
  void process(const std::optional<Pixels>& pixels, const std::string& format, std::uint64_t tag,
               std::int64_t captured_ns) {
    streamdiffusion_frame frame;
    if (pixels) frame = frame_of(*pixels, format, tag, captured_ns);
    run([&](auto** error) {
      return streamdiffusion_session_process(session_, pixels ? &frame : nullptr, error);
    });
  }
  void flush() {
    run([&](auto** error) { return streamdiffusion_session_flush(session_, error); });
  }
  /// None where no output is ready.
  std::unique_ptr<Output> next() {
    streamdiffusion_output* output = nullptr;
    streamdiffusion_error* error = nullptr;
    const streamdiffusion_status status = streamdiffusion_session_next(session_, &output, &error);
    if (status == STREAMDIFFUSION_NO_OUTPUT) return nullptr;
    check(status, error);
    return std::make_unique<Output>(output);
  }

 private:
  streamdiffusion_session* session_ = nullptr;
};

/// Outputs are taken; callbacks and iteration are made of that in Python, so that no thread of the
/// library ever waits for the interpreter.
class LiveSession {
 public:
  LiveSession(const Engine& engine, const std::string& parameters, int policy, int depth) {
    streamdiffusion_live_options options;
    streamdiffusion_live_options_init(&options, sizeof options);
    options.policy = policy;
    options.depth = depth;
    run([&](auto** error) {
      return streamdiffusion_live_open(engine.engine, parameters.c_str(), &options, &live_, error);
    });
  }
  LiveSession(const LiveSession&) = delete;
  LiveSession& operator=(const LiveSession&) = delete;
  ~LiveSession() {
    const Unlocked unlocked;
    streamdiffusion_live_free(live_);
  }

  /// The frame's number, or None where the session takes no more.
  std::optional<std::uint64_t> submit(const std::optional<Pixels>& pixels,
                                      const std::string& format, std::uint64_t tag,
                                      std::int64_t captured_ns) {
    streamdiffusion_frame frame;
    if (pixels) frame = frame_of(*pixels, format, tag, captured_ns);
    std::uint64_t id = 0;
    streamdiffusion_error* error = nullptr;
    streamdiffusion_status status;
    {
      const Unlocked unlocked;
      status = streamdiffusion_live_submit(live_, pixels ? &frame : nullptr, &id, &error);
    }
    if (status == STREAMDIFFUSION_END) return std::nullopt;
    check(status, error);
    return id;
  }
  /// (True, output), (True, None) where none came in time, (False, None) at the end.
  std::pair<bool, std::unique_ptr<Output>> take(int timeout_ms) {
    streamdiffusion_output* output = nullptr;
    streamdiffusion_error* error = nullptr;
    streamdiffusion_status status;
    {
      const Unlocked unlocked;
      status = streamdiffusion_live_take(live_, timeout_ms, &output, &error);
    }
    if (status == STREAMDIFFUSION_END) return {false, nullptr};
    if (status == STREAMDIFFUSION_NO_OUTPUT) return {true, nullptr};
    check(status, error);
    return {true, std::make_unique<Output>(output)};
  }
  void change(const std::string& parameters) {
    run([&](auto** error) {
      return streamdiffusion_live_change(live_, parameters.c_str(), error);
    });
  }
  std::string parameters() const { return text_of(streamdiffusion_live_parameters, live_); }
  void pause() { streamdiffusion_live_pause(live_); }
  void resume() { streamdiffusion_live_resume(live_); }
  void close() { streamdiffusion_live_close(live_); }
  void stop() {
    const Unlocked unlocked;
    streamdiffusion_live_stop(live_, nullptr);
  }
  nb::dict counters() const {
    streamdiffusion_counters counters{};
    counters.struct_size = sizeof counters;
    streamdiffusion_live_counters(live_, &counters);
    nb::dict out;
    out["captured"] = counters.captured;
    out["processed"] = counters.processed;
    out["skipped"] = counters.skipped;
    out["dropped"] = counters.dropped;
    out["failed"] = counters.failed;
    out["in_flight"] = counters.in_flight;
    out["replaced"] = counters.replaced;
    return out;
  }

 private:
  streamdiffusion_live* live_ = nullptr;
};

}  // namespace

NB_MODULE(_core, m) {
  m.def("version", &streamdiffusion_version);
  m.def("wait_for_calls", &wait_for_calls, "seconds"_a, "threads_remain"_a);
  nb::class_<Output>(m, "Output")
      .def_prop_ro("frame_id", [](const Output& o) { return o.info().frame_id; })
      .def_prop_ro("tag", [](const Output& o) { return o.info().tag; })
      .def_prop_ro("width", [](const Output& o) { return o.info().width; })
      .def_prop_ro("height", [](const Output& o) { return o.info().height; })
      .def_prop_ro("reused", [](const Output& o) { return o.info().reused != 0; })
      .def_prop_ro("captured_ns", [](const Output& o) { return o.info().captured_ns; })
      .def_prop_ro("finished_ns", [](const Output& o) { return o.info().finished_ns; })
      .def_prop_ro("image", &Output::image, nb::rv_policy::reference);
  nb::class_<Engine>(m, "Engine")
      .def(nb::init<const std::string&, nb::object>(), "parameters"_a, "on_progress"_a.none())
      .def("info", &Engine::info)
      .def("parameters", &Engine::parameters);
  nb::class_<Session>(m, "Session")
      .def(nb::init<const Engine&, const std::string&>())
      .def("change", &Session::change)
      .def("parameters", &Session::parameters)
      .def("process", &Session::process, nb::arg("pixels").noconvert().none(), "format"_a, "tag"_a,
           "captured_ns"_a)
      .def("flush", &Session::flush)
      .def("next", &Session::next)
      .def("close", &Session::close);
  nb::class_<LiveSession>(m, "LiveSession")
      .def(nb::init<const Engine&, const std::string&, int, int>())
      .def("submit", &LiveSession::submit, nb::arg("pixels").noconvert().none(), "format"_a,
           "tag"_a, "captured_ns"_a)
      .def(
          "take",
          [](LiveSession& live, int timeout_ms) {
            auto [more, output] = live.take(timeout_ms);
            return nb::make_tuple(more, nb::cast(std::move(output)));
          },
          nb::sig("def take(self, timeout_ms: int, /) -> tuple[bool, Output | None]"))
      .def("change", &LiveSession::change)
      .def("parameters", &LiveSession::parameters)
      .def("pause", &LiveSession::pause)
      .def("resume", &LiveSession::resume)
      .def("close", &LiveSession::close)
      .def("stop", &LiveSession::stop)
      .def("counters", &LiveSession::counters, nb::sig("def counters(self) -> dict[str, int]"));
}

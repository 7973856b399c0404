// The compiled part of the Python package: the C interface with arrays and exceptions of Python's.
// Parameters go through as JSON text; the Python files beside this one make it of keywords.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/unique_ptr.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include "calls.h"
#include "failures.h"
#include "frames.h"
#include "streamdiffusion/c.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace streamdiffusion::python {
namespace {

/// Calls a function of Python's while models are downloaded.
struct Progress {
  nb::object function;
  std::optional<nb::python_error> raised = {};

  static int call(const char* name, std::uint64_t bytes, std::uint64_t total_bytes, void* user) {
    auto& self = *static_cast<Progress*>(user);
    const nb::gil_scoped_acquire locked;
    try {
      if (PyErr_CheckSignals() != 0) throw nb::python_error();
      tell_messages();
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
    Progress progress{std::move(on_progress)};
    const auto open = [&](auto** failed) {
      return streamdiffusion_engine_open_with_progress(parameters.c_str(), Progress::call,
                                                       &progress, &engine, failed);
    };
    const streamdiffusion_status status = status_of(open, error);
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
  /// A call holds the object, so that it is never freed beneath one.
  ~Session() {
    const Unlocked unlocked;
    streamdiffusion_session_free(session_);
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
  /// `hears_failures`: they are kept for next_failure(); else the library logs them.
  LiveSession(const Engine& engine, const std::string& parameters, int policy, int depth,
              bool hears_failures) {
    streamdiffusion_live_options options;
    streamdiffusion_live_options_init(&options, sizeof options);
    options.policy = policy;
    options.depth = depth;
    if (hears_failures) options.error = Failures::keep;
    options.user = failures_.user();
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
    const auto submit = [&](auto** failed) {
      return streamdiffusion_live_submit(live_, pixels ? &frame : nullptr, &id, failed);
    };
    const streamdiffusion_status status = status_of(submit, error);
    if (status == STREAMDIFFUSION_END) return std::nullopt;
    check(status, error);
    return id;
  }
  /// (True, output), (True, None) where none came in time, (False, None) at the end.
  std::pair<bool, std::unique_ptr<Output>> take(int timeout_ms) {
    streamdiffusion_output* output = nullptr;
    streamdiffusion_error* error = nullptr;
    const auto take = [&](auto** failed) {
      return streamdiffusion_live_take(live_, timeout_ms, &output, failed);
    };
    const streamdiffusion_status status = status_of(take, error);
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
    {
      const Unlocked unlocked;
      streamdiffusion_live_stop(live_, nullptr);
    }
    tell_messages();
  }
  /// Status, text, parameter and frame of the oldest failure that nobody has heard.
  using HeardFailure = std::tuple<int, std::string, std::string, std::optional<std::uint64_t>>;
  std::optional<HeardFailure> next_failure() {
    const std::optional<Failure> failure = failures_.take();
    if (!failure) return std::nullopt;
    return HeardFailure{failure->status, failure->message, failure->parameter, failure->frame_id};
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
  Failures failures_;
  streamdiffusion_live* live_ = nullptr;
};

}  // namespace
}  // namespace streamdiffusion::python

NB_MODULE(_core, m) {
  using namespace streamdiffusion::python;
  keep_messages();
  m.def("version", &streamdiffusion_version);
  m.def("tell_messages", &tell_messages);
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
      .def("next", &Session::next);
  nb::class_<LiveSession>(m, "LiveSession")
      .def(nb::init<const Engine&, const std::string&, int, int, bool>(), "engine"_a,
           "parameters"_a, "policy"_a, "depth"_a, "hears_failures"_a)
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
      .def("next_failure", &LiveSession::next_failure)
      .def("counters", &LiveSession::counters, nb::sig("def counters(self) -> dict[str, int]"));
}

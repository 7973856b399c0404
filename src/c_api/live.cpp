// Live sessions of the C interface: callbacks, or a queue that the caller takes outputs from.
#include "streamdiffusion/live.h"

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>

#include "base/error.h"
#include "base/log.h"
#include "c_api/call.h"
#include "c_api/engine.h"
#include "c_api/frame.h"
#include "c_api/output.h"
#include "live/named_parameters.h"

namespace streamdiffusion::c_api {
namespace {

/// The size of the options in version 0.1.
constexpr std::size_t kFirstLiveOptionsSize =
    offsetof(streamdiffusion_live_options, user) + sizeof(streamdiffusion_live_options::user);

/// The live session whose callback runs on this thread.
thread_local const void* in_callback_of = nullptr;

/// What a live session's threads use. They may outlive it by a little.
class Deliveries {
 public:
  Deliveries(const Engine& engine, const streamdiffusion_live_options& options)
      : engine_(std::make_shared<Engine>(engine)), options_(options) {}
  const Engine& engine() const { return *engine_; }

  void deliver(const LiveOutput& output) {
    OutputPointer made = make_output(output, engine_);
    if (options_.output != nullptr) {
      in_callback_of = this;
      options_.output(made.get(), options_.user);
      in_callback_of = nullptr;
      return;
    }
    std::unique_lock lock(mutex_);
    if (options_.policy == STREAMDIFFUSION_POLICY_LATEST) {
      replaced_ += waiting_.size();
      waiting_.clear();
    } else {
      const auto depth = static_cast<std::size_t>(options_.depth);
      changed_.wait(lock, [&] { return waiting_.size() < depth || interrupted_; });
      if (interrupted_) {
        ++replaced_;
        return;
      }
    }
    waiting_.push_back(std::move(made));
    changed_.notify_all();
  }

  void report(const Error& error, std::optional<std::uint64_t> frame_id) {
    if (options_.error == nullptr) return base::warn(error);
    const streamdiffusion_error shown{status_of(error.code()), error.what(), parameter_of(error)};
    const void* outer = in_callback_of;
    in_callback_of = this;
    options_.error(&shown, frame_id ? 1 : 0, frame_id.value_or(0), options_.user);
    in_callback_of = outer;
  }

  void interrupt() {
    const std::lock_guard lock(mutex_);
    interrupted_ = true;
    changed_.notify_all();
  }

  void end() {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    changed_.notify_all();
  }

  streamdiffusion_status take(int timeout_ms, OutputPointer& output) {
    base::require(options_.output == nullptr, ErrorCode::invalid_argument,
                  "this live session has an output callback, and nothing to take");
    std::unique_lock lock(mutex_);
    const auto ready = [&] { return !waiting_.empty() || ended_; };
    if (timeout_ms < 0) {
      changed_.wait(lock, ready);
    } else {
      changed_.wait_for(lock, std::chrono::milliseconds(timeout_ms), ready);
    }
    if (waiting_.empty()) return ended_ ? STREAMDIFFUSION_END : STREAMDIFFUSION_NO_OUTPUT;
    output = std::move(waiting_.front());
    waiting_.pop_front();
    changed_.notify_all();
    return STREAMDIFFUSION_OK;
  }

  std::uint64_t replaced() const {
    const std::lock_guard lock(mutex_);
    return replaced_;
  }

 private:
  const std::shared_ptr<Engine> engine_;
  const streamdiffusion_live_options options_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<OutputPointer> waiting_;
  std::uint64_t replaced_ = 0;
  bool interrupted_ = false, ended_ = false;
};

QueuePolicy policy_of(const streamdiffusion_live_options& options) {
  base::require(options.policy >= STREAMDIFFUSION_POLICY_LATEST &&
                    options.policy <= STREAMDIFFUSION_POLICY_BLOCK,
                ErrorCode::invalid_argument, "policy is ", options.policy, ", expected 0..2");
  return {static_cast<QueuePolicy::Kind>(options.policy), options.depth};
}

LiveCallbacks callbacks_of(const std::shared_ptr<Deliveries>& deliveries) {
  return {.output = [deliveries](const LiveOutput& output) { deliveries->deliver(output); },
          .error =
              [deliveries](const Error& error, std::optional<std::uint64_t> frame_id) {
                deliveries->report(error, frame_id);
              },
          .interrupt = [deliveries] { deliveries->interrupt(); },
          .ended = [deliveries] { deliveries->end(); }};
}

}  // namespace
}  // namespace streamdiffusion::c_api

using namespace streamdiffusion::c_api;
using streamdiffusion::ErrorCode;
using streamdiffusion::LiveFrame;

struct streamdiffusion_live {
  streamdiffusion_live(const streamdiffusion::Engine& engine, const char* json,
                       const streamdiffusion_live_options& options)
      : parameters(engine), deliveries(std::make_shared<Deliveries>(engine, options)) {
    streamdiffusion::params::Settings wanted = parameters.with(json);
    session.emplace(engine, wanted.live, policy_of(options), callbacks_of(deliveries));
    parameters.keep(std::move(wanted));
  }

  void refuse_in_callback(const char* function) const {
    streamdiffusion::base::require(in_callback_of != deliveries.get(), ErrorCode::invalid_argument,
                                   function, " was called from a callback of the same session");
  }

  mutable std::mutex mutex;
  mutable streamdiffusion::live::NamedParameters parameters;
  std::shared_ptr<Deliveries> deliveries;
  std::optional<streamdiffusion::LiveSession> session;
};

void streamdiffusion_live_options_init(streamdiffusion_live_options* options, size_t struct_size) {
  streamdiffusion_live_options defaults{};
  defaults.depth = 1;
  init_struct(options, struct_size, &defaults, sizeof defaults);
}

streamdiffusion_status streamdiffusion_live_open(streamdiffusion_engine* engine,
                                                 const char* parameters,
                                                 const streamdiffusion_live_options* options,
                                                 streamdiffusion_live** live,
                                                 streamdiffusion_error** error) {
  return call(error, [&] {
    require_handle(engine, "engine");
    require_given(live, "live");
    *live = nullptr;
    streamdiffusion_live_options known;
    streamdiffusion_live_options_init(&known, sizeof known);
    if (options != nullptr)
      read_struct(&known, sizeof known, options, kFirstLiveOptionsSize, "options");
    *live = new streamdiffusion_live(engine->engine, parameters, known);
    return STREAMDIFFUSION_OK;
  });
}

void streamdiffusion_live_free(streamdiffusion_live* live) {
  if (live == nullptr || !in_own_process()) return;
  const streamdiffusion_status status = call(nullptr, [&] {
    live->refuse_in_callback("streamdiffusion_live_free");
    return STREAMDIFFUSION_OK;
  });
  if (status == STREAMDIFFUSION_OK) {
    call(nullptr, [&] {
      delete live;
      return STREAMDIFFUSION_OK;
    });
  } else {
    streamdiffusion::base::warn("streamdiffusion_live_free was called from a callback: not freed");
  }
}

streamdiffusion_status streamdiffusion_live_submit(streamdiffusion_live* live,
                                                   const streamdiffusion_frame* frame,
                                                   uint64_t* frame_id,
                                                   streamdiffusion_error** error) {
  return call(error, [&] {
    LiveFrame source;
    if (frame != nullptr) source.owner = owner_of(*frame);  // first: it is released come what may
    require_handle(live, "live");
    if (frame != nullptr) {
      streamdiffusion::base::require(!live->session->text_to_image(), ErrorCode::invalid_argument,
                                     kImageInTextMode);
      const streamdiffusion_frame known = read_frame(frame);
      source.pixels = view_of(known);
      if (known.release == nullptr || known.memory == STREAMDIFFUSION_MEMORY_CUDA) {
        streamdiffusion::HostFrame copy = copied(known, live->deliveries->engine());
        source.pixels = copy.view;
        source.owner = std::move(copy.owner);
      }
      source.captured = time_of(known.captured_ns);
      source.tag = known.tag;
    }
    const auto id = live->session->submit(std::move(source));
    if (!id) return STREAMDIFFUSION_END;
    if (frame_id != nullptr) *frame_id = *id;
    return STREAMDIFFUSION_OK;
  });
}

streamdiffusion_status streamdiffusion_live_take(streamdiffusion_live* live, int32_t timeout_ms,
                                                 streamdiffusion_output** output,
                                                 streamdiffusion_error** error) {
  return call(error, [&] {
    require_handle(live, "live");
    require_given(output, "output");
    OutputPointer taken;
    const streamdiffusion_status status = live->deliveries->take(timeout_ms, taken);
    *output = taken.release();
    return status;
  });
}

streamdiffusion_status streamdiffusion_live_change(streamdiffusion_live* live,
                                                   const char* parameters,
                                                   streamdiffusion_error** error) {
  return call(error, [&] {
    require_handle(live, "live");
    const std::lock_guard lock(live->mutex);
    live->parameters.follow(*live->session);
    streamdiffusion::params::Settings wanted = live->parameters.with(parameters);
    const std::uint64_t number = live->session->change(wanted.live);
    live->parameters.keep(std::move(wanted), number);
    return STREAMDIFFUSION_OK;
  });
}

streamdiffusion_status streamdiffusion_live_parameters(const streamdiffusion_live* live,
                                                       char** json, streamdiffusion_error** error) {
  return call(error, [&] {
    require_handle(live, "live");
    require_given(json, "json");
    const std::lock_guard lock(live->mutex);
    live->parameters.follow(*live->session);
    *json = new_text(live->parameters.values());
    return STREAMDIFFUSION_OK;
  });
}

void streamdiffusion_live_pause(streamdiffusion_live* live) {
  if (live != nullptr && in_own_process()) live->session->pause();
}
void streamdiffusion_live_resume(streamdiffusion_live* live) {
  if (live != nullptr && in_own_process()) live->session->resume();
}
void streamdiffusion_live_close(streamdiffusion_live* live) {
  if (live != nullptr && in_own_process()) live->session->close();
}

streamdiffusion_status streamdiffusion_live_drain(streamdiffusion_live* live,
                                                  streamdiffusion_error** error) {
  return call(error, [&] {
    require_handle(live, "live");
    live->refuse_in_callback("streamdiffusion_live_drain");
    live->session->drain();
    return STREAMDIFFUSION_OK;
  });
}

streamdiffusion_status streamdiffusion_live_stop(streamdiffusion_live* live,
                                                 streamdiffusion_error** error) {
  return call(error, [&] {
    require_handle(live, "live");
    live->refuse_in_callback("streamdiffusion_live_stop");
    live->session->stop();
    return STREAMDIFFUSION_OK;
  });
}

void streamdiffusion_live_counters(const streamdiffusion_live* live,
                                   streamdiffusion_counters* counters) {
  if (live == nullptr || counters == nullptr || !in_own_process()) return;
  const streamdiffusion::LiveCounters from = live->session->counters();
  streamdiffusion_counters known{};
  known.captured = from.captured;
  known.processed = from.processed;
  known.skipped = from.skipped;
  known.dropped = from.dropped();
  known.failed = from.failed;
  known.in_flight = from.in_flight();
  known.replaced = live->deliveries->replaced();
  write_struct(counters, &known, sizeof known);
}

// Sessions on the caller's thread: a stream switcher, so that every parameter may change, and a
// queue of outputs.
#include <algorithm>
#include <deque>

#include "base/error.h"
#include "c_api/call.h"
#include "c_api/engine.h"
#include "c_api/frame.h"
#include "c_api/output.h"
#include "image/resize.h"
#include "image/rgb_rows.h"
#include "live/complete_settings.h"
#include "live/named_parameters.h"
#include "live/stream_switcher.h"
#include "params/check.h"

namespace streamdiffusion::c_api {
namespace {

class CallerSession {
 public:
  CallerSession(const Engine& engine, const char* json)
      : engine_(std::make_shared<Engine>(engine)), parameters_(engine) {
    params::Settings wanted = parameters_.with(json);
    settings_ = live::complete(*engine_, wanted.live);
    switcher_.emplace(open(), settings_);
    parameters_.keep(std::move(wanted));
  }

  void change(const char* json) {
    params::Settings wanted = parameters_.with(json);
    LiveSettings next = live::complete(*engine_, wanted.live);
    if (params::same_session(settings_.options, next.options)) {
      switcher_->apply(next);
    } else {
      std::unique_ptr<live::ActiveSession> session =
          std::make_unique<live::ActiveSession>(*engine_, next, std::stop_token());
      switcher_->switch_to(std::move(session), next);
    }
    settings_ = std::move(next);
    parameters_.keep(std::move(wanted));
  }

  std::string parameters() const { return parameters_.values(); }

  void process(const streamdiffusion_frame* given) {
    live::Frame frame;
    frame.output.captured = LiveClock::now();
    const bool follows_images = !settings_.options.text_to_image;
    base::require(
        follows_images == (given != nullptr), ErrorCode::invalid_argument,
        follows_images ? "frame is NULL, and this session follows images" : kImageInTextMode);
    if (given != nullptr) {
      const streamdiffusion_frame known = read_frame(given);
      const bool on_card = known.memory == STREAMDIFFUSION_MEMORY_CUDA;
      on_host_ = on_card ? copied(known, *engine_) : HostFrame{view_of(known), nullptr};
      frame.borrowed = fitted(on_host_.view);
      frame.output.captured = time_of(known.captured_ns);
      frame.output.tag = known.tag;
    }
    frame.output.prepared = LiveClock::now();
    frame.output.frame_id = next_id_++;
    keep(switcher_->enter(std::move(frame)));
  }

  void flush() {
    while (switcher_->in_flight() > 0) keep(switcher_->advance());
  }

  OutputPointer next() {
    if (outputs_.empty()) return nullptr;
    OutputPointer output = std::move(outputs_.front());
    outputs_.pop_front();
    return output;
  }

 private:
  std::unique_ptr<live::ActiveSession> open() {
    return std::make_unique<live::ActiveSession>(*engine_, settings_, std::stop_token());
  }

  /// The frame in the stream's size: the caller's own pixels where they are that already.
  ImageView fitted(const FrameView& view) {
    const int width = *settings_.options.width, height = *settings_.options.height;
    if (view.width != width || view.height != height) {
      fitted_ = image::fit(view, width, height, settings_.fit);
      return fitted_;
    }
    if (view.format == PixelFormat::rgb)
      return {view.planes[0], view.width, view.height, view.strides[0]};
    image::copy(image::RgbRows(view), fitted_);
    return fitted_;
  }

  void keep(live::EngineCallResult result) {
    const std::size_t first = outputs_.size();
    for (LiveOutput& output : result.finished)
      outputs_.push_back(make_output(std::move(output), engine_));
    for (live::FailedFrame& failed : result.failed) {
      LiveOutput output;
      output.frame_id = failed.frame_id;
      outputs_.push_back(make_output(std::move(output), engine_, std::move(failed.error)));
    }
    std::sort(outputs_.begin() + static_cast<std::ptrdiff_t>(first), outputs_.end(),
              [](const OutputPointer& a, const OutputPointer& b) {
                return a->output.frame_id < b->output.frame_id;
              });
  }

  /// Outputs know it as long as the session lives.
  std::shared_ptr<Engine> engine_;
  live::NamedParameters parameters_;
  LiveSettings settings_;
  std::optional<live::StreamSwitcher> switcher_;
  std::uint64_t next_id_ = 0;
  std::deque<OutputPointer> outputs_;
  /// Kept from frame to frame.
  HostFrame on_host_;
  Image fitted_;
};

}  // namespace
}  // namespace streamdiffusion::c_api

using namespace streamdiffusion::c_api;

struct streamdiffusion_session {
  CallerSession stream;
};

streamdiffusion_status streamdiffusion_session_open(streamdiffusion_engine* engine,
                                                    const char* parameters,
                                                    streamdiffusion_session** session,
                                                    streamdiffusion_error** error) {
  return call(error, [&] {
    require_handle(engine, "engine");
    require_given(session, "session");
    *session = nullptr;
    *session = new streamdiffusion_session{CallerSession(engine->engine, parameters)};
    return STREAMDIFFUSION_OK;
  });
}

void streamdiffusion_session_free(streamdiffusion_session* session) {
  call(nullptr, [&] {
    if (in_own_process()) delete session;
    return STREAMDIFFUSION_OK;
  });
}

streamdiffusion_status streamdiffusion_session_change(streamdiffusion_session* session,
                                                      const char* parameters,
                                                      streamdiffusion_error** error) {
  return call(error, [&] {
    require_handle(session, "session");
    session->stream.change(parameters);
    return STREAMDIFFUSION_OK;
  });
}

streamdiffusion_status streamdiffusion_session_parameters(const streamdiffusion_session* session,
                                                          char** json,
                                                          streamdiffusion_error** error) {
  return call(error, [&] {
    require_handle(session, "session");
    require_given(json, "json");
    *json = new_text(session->stream.parameters());
    return STREAMDIFFUSION_OK;
  });
}

streamdiffusion_status streamdiffusion_session_process(streamdiffusion_session* session,
                                                       const streamdiffusion_frame* frame,
                                                       streamdiffusion_error** error) {
  return call(error, [&] {
    require_handle(session, "session");
    session->stream.process(frame);
    return STREAMDIFFUSION_OK;
  });
}

streamdiffusion_status streamdiffusion_session_flush(streamdiffusion_session* session,
                                                     streamdiffusion_error** error) {
  return call(error, [&] {
    require_handle(session, "session");
    session->stream.flush();
    return STREAMDIFFUSION_OK;
  });
}

streamdiffusion_status streamdiffusion_session_next(streamdiffusion_session* session,
                                                    streamdiffusion_output** output,
                                                    streamdiffusion_error** error) {
  if (output != nullptr) *output = nullptr;
  return call(error, [&] {
    require_handle(session, "session");
    require_given(output, "output");
    *output = session->stream.next().release();
    if (*output == nullptr) return STREAMDIFFUSION_NO_OUTPUT;
    if ((*output)->failure) throw streamdiffusion::Error(*(*output)->failure);
    return STREAMDIFFUSION_OK;
  });
}

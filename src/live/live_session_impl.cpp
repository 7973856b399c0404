#include "live/live_session_impl.h"

#include "base/error.h"
#include "base/log.h"
#include "image/resize.h"

namespace streamdiffusion {
namespace {

double seconds(LiveClock::duration span) {
  return std::chrono::duration<double>(span).count();
}

/// As Frame::decode; null for null.
std::function<Image(int, int, Fit)> fitted(std::function<Image()> decode) {
  if (!decode) return nullptr;
  return [decode = std::move(decode)](int width, int height, Fit fit) {
    return image::fit(decode(), width, height, fit);
  };
}

std::function<Image(int, int, Fit)> decoder_of(LiveFrame source) {
  if (source.pixels) {
    return [pixels = *source.pixels, owner = std::move(source.owner)](
               int width, int height, Fit fit) { return image::fit(pixels, width, height, fit); };
  }
  return fitted(std::move(source.image));
}

}  // namespace

LiveSession::Impl::Impl(Engine engine, const std::shared_ptr<Engine::Impl>& engine_impl,
                        const LiveSettings& settings, QueuePolicy policy, LiveCallbacks callbacks,
                        std::stop_token stop)
    : engine_impl_(engine_impl),
      policy_(policy),
      callbacks_(std::move(callbacks)),
      arrived_(policy),
      prepared_(policy),
      finished_(policy),
      engine_(engine),
      wanted_(settings),
      in_force_{engine, settings, settings},
      configured_(in_force_) {
  slot_.emplace(engine_impl->live_sessions);
  {
    const std::stop_callback stop_opening(std::move(stop), [this] { stop_source_.request_stop(); });
    switcher_.emplace(
        std::make_unique<live::ActiveSession>(engine, settings, stop_source_.get_token()),
        settings);
  }
  base::require(!stop_source_.stop_requested(), ErrorCode::busy,
                "stopped while the session was opened");
}

std::optional<std::uint64_t> LiveSession::Impl::submit(LiveFrame source) {
  const std::lock_guard in_order(submit_mutex_);
  Frame frame;
  {
    const std::lock_guard lock(mutex_);
    if (draining_ || stopping_) return std::nullopt;
    base::require(source.image || source.pixels || wanted_.options.text_to_image,
                  ErrorCode::invalid_argument,
                  "a frame without an image, and this session follows images; expected an image, "
                  "or text_to_image");
    frame.output.frame_id = next_id_++;
    counters_.add(&LiveCounters::captured);
    if (state_ == LiveState::paused) {
      counters_.add(&LiveCounters::dropped_paused);
      return frame.output.frame_id;
    }
  }
  const std::uint64_t id = frame.output.frame_id;
  frame.output.captured = source.captured;
  frame.output.tag = std::move(source.tag);
  frame.prompts = source.prompts;
  frame.decode_control = fitted(std::move(source.control_source));
  frame.decode = decoder_of(std::move(source));
  put(arrived_, std::move(frame), &LiveCounters::dropped_waiting);
  return id;
}

void LiveSession::Impl::prepare_loop() {
  while (auto frame = arrived_.take()) {
    if (prepare(*frame)) put(prepared_, std::move(*frame), &LiveCounters::dropped_prepared);
  }
  prepared_.close();
}

bool LiveSession::Impl::prepare(Frame& frame) {
  try {
    if (frame.decode || frame.decode_control) {
      const LiveSettings wanted = settings();
      for (auto [decode, image] : {std::pair(&frame.decode, &frame.image),
                                   {&frame.decode_control, &frame.control_source}}) {
        if (*decode) *image = (*decode)(*wanted.options.width, *wanted.options.height, wanted.fit);
        *decode = nullptr;
      }
      prepare_control_images(frame, wanted.options.control_settings);
      remember_input(wanted, frame.image);
    }
    if (frame.prompts) prepare_prompts(frame);
    frame.output.prepared = LiveClock::now();
    return true;
  } catch (const std::exception& error) {
    report(base::error_from(error), frame.output.frame_id);
  }
  counters_.add(&LiveCounters::failed);
  return false;
}

void LiveSession::Impl::prepare_prompts(Frame& frame) {
  Engine wanted = engine();
  frame.encoded_prompts =
      live::encode_prompts(wanted, *frame.prompts, settings().options.lora_scales);
}

/// By the settings last asked for, which are nearly always in force when the frame enters.
void LiveSession::Impl::prepare_control_images(Frame& frame,
                                               const std::vector<ControlSettings>& nets) {
  if (nets.empty()) return;
  const bool is_frame = frame.control_source.rgb.empty();
  live::make_control_images(is_frame ? frame.image : frame.control_source, is_frame, nets,
                            frame.control_images);
  const std::lock_guard lock(mutex_);
  newest_control_images_ = frame.control_images;
}

std::shared_ptr<const Image> LiveSession::Impl::control_image(std::size_t net) const {
  const std::lock_guard lock(mutex_);
  return net < newest_control_images_.size() ? newest_control_images_[net].image : nullptr;
}

void LiveSession::Impl::engine_loop() {
  while (true) {
    std::optional<Frame> frame = next_frame();
    if (stopping() || (!frame && switcher_->in_flight() == 0)) {
      if (frame) counters_.add(&LiveCounters::dropped_stopped);
      break;
    }
    if (frame && frame->image.rgb.empty()) wait_for_reconfiguration();
    apply_pending_change();
    call_engine(std::move(frame));
  }
  counters_.add(&LiveCounters::dropped_stopped, switcher_->in_flight());
  finished_.close();
}

std::optional<LiveSession::Impl::Frame> LiveSession::Impl::next_frame() {
  // In live input a frame is finished at once, without a frame behind it. In a file it waits for
  // the next frame, so that every UNet call is full.
  const bool eager = policy_.kind != QueuePolicy::Kind::block;
  const bool has_work = switcher_->on_device() || (eager && switcher_->in_flight() > 0);
  return has_work ? prepared_.try_take() : prepared_.take();
}

void LiveSession::Impl::call_engine(std::optional<Frame> frame) {
  const double unet = switcher_->times().unet;
  const auto start = LiveClock::now();
  live::EngineCallResult result = frame                    ? switcher_->enter(std::move(*frame))
                                  : switcher_->on_device() ? switcher_->wait()
                                                           : switcher_->advance();
  tell_prompts();
  counters_.set_times(switcher_->times());
  call_seconds_ += seconds(LiveClock::now() - start);
  const bool finished = switcher_->times().unet > unet;
  if (finished) counters_.add_call(call_seconds_);
  if (finished || !switcher_->on_device()) call_seconds_ = 0;
  pass_on(std::move(result));
}

void LiveSession::Impl::clear_device() {
  if (switcher_->on_device()) call_engine({});
}

// Each pending change is applied in turn, because the text-to-image mode may come behind another
// change. The wait ends when nothing is being prepared any more.
void LiveSession::Impl::wait_for_reconfiguration() {
  if (!switcher_->text_to_image()) clear_device();
  while (!switcher_->text_to_image()) {
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] {
        return stopping_ || pending_change_ || (wanted_version_ == handled_version_ && !again_);
      });
      if (stopping_ || !pending_change_) return;
    }
    apply_pending_change();
  }
}

void LiveSession::Impl::apply_pending_change() {
  std::unique_ptr<Change> change;
  {
    const std::lock_guard lock(mutex_);
    change = std::move(pending_change_);
  }
  if (!change) return;
  clear_device();
  if (const std::optional<Error> problem = apply(*change)) {
    take_back_applied(change->number);
    report(*problem, std::nullopt);
    return;
  }
  tell_prompts();
  const std::lock_guard lock(mutex_);
  changes_.applied = change->to.change;
  std::swap(in_force_, change->to);  // the old one is freed without the lock
}

void LiveSession::Impl::tell_prompts() {
  if (switcher_->prompt_changes() == told_prompt_changes_) return;
  told_prompt_changes_ = switcher_->prompt_changes();
  std::vector<WeightedPrompt> prompts = switcher_->blended_prompts();
  const std::lock_guard lock(mutex_);
  std::swap(blended_prompts_, prompts);  // the old ones are freed without the lock
}

std::optional<Error> LiveSession::Impl::apply(Change& change) {
  try {
    change.session ? switcher_->switch_to(std::move(change.session), change.to.settings)
                   : switcher_->apply(change.to.settings);
  } catch (const live::HalfChanged&) {
    throw;  // no settings hold: the session ends
  } catch (const std::exception& error) {
    return base::error_from(error);
  }
  return std::nullopt;
}

void LiveSession::Impl::pass_on(live::EngineCallResult result) {
  const bool stopped = stopping();  // which is then why they failed
  for (const live::FailedFrame& frame : result.failed) {
    if (stopped) {
      counters_.add(&LiveCounters::dropped_stopped);
      continue;
    }
    counters_.add(&LiveCounters::failed);
    report(frame.error, frame.frame_id);
  }
  for (LiveOutput& output : result.finished)
    put(finished_, std::move(output), &LiveCounters::dropped_undelivered);
}

void LiveSession::Impl::deliver_loop() {
  while (auto output = finished_.take()) deliver(*output);
  const std::lock_guard lock(mutex_);
  if (state_ != LiveState::failed) state_ = LiveState::stopped;
}

void LiveSession::Impl::deliver(const LiveOutput& output) {
  const auto counter = output.reused ? &LiveCounters::skipped : &LiveCounters::processed;
  counters_.add(counter);  // before the callback, which may read the counters
  try {
    callbacks_.output(output);
  } catch (const std::exception& error) {
    counters_.move(counter, &LiveCounters::failed);
    fail(base::error_from(error), output.frame_id);
  }
}

void LiveSession::Impl::report(const Error& error, std::optional<std::uint64_t> frame_id) {
  if (!callbacks_.error) return;
  try {
    callbacks_.error(error, frame_id);
  } catch (const std::exception& second) {
    base::warn("the error callback of a live session threw: ", base::words_of(second));
  }
}

void LiveSession::Impl::fail(const Error& error, std::uint64_t frame_id) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    state_ = LiveState::failed;
    failure_ = error;
  }
  close_queues();
  report(error, frame_id);
}

void LiveSession::Impl::set_paused(bool paused) {
  const std::lock_guard lock(mutex_);
  if (state_ == LiveState::running && paused) state_ = LiveState::paused;
  if (state_ == LiveState::paused && !paused) state_ = LiveState::running;
}

bool LiveSession::Impl::stopping() const {
  const std::lock_guard lock(mutex_);
  return stopping_;
}

Engine LiveSession::Impl::engine() const {
  const std::lock_guard lock(mutex_);
  return engine_;
}
LiveSettings LiveSession::Impl::settings() const {
  const std::lock_guard lock(mutex_);
  return wanted_;
}
bool LiveSession::Impl::reconfiguring() const {
  const std::lock_guard lock(mutex_);
  return wanted_version_ != configured_version_ || again_;
}
bool LiveSession::Impl::reading_images() const {
  const std::lock_guard lock(mutex_);
  return reading_ && !reading_->input;
}
bool LiveSession::Impl::text_to_image() const {
  const std::lock_guard lock(mutex_);
  return wanted_.options.text_to_image;
}
LiveState LiveSession::Impl::state() const {
  const std::lock_guard lock(mutex_);
  return state_;
}
std::optional<Error> LiveSession::Impl::failure() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}

}  // namespace streamdiffusion

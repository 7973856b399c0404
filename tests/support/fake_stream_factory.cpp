#include "support/fake_stream_factory.h"

#include <cmath>
#include <condition_variable>
#include <cstdlib>
#include <optional>
#include <stdexcept>
#include <thread>

#include "base/error.h"
#include "image/encode.h"
#include "image/image_file.h"
#include "image/resize.h"
#include "support/wait.h"

namespace streamdiffusion::testing {
namespace {

using server::LiveStream;

Image one_color(int red, int green, int blue, int width, int height) {
  Image image{width, height, {}};
  for (int i = 0; i < width * height; ++i) {
    for (const int value : {red, green, blue}) {
      image.rgb.push_back(static_cast<std::uint8_t>(value));
    }
  }
  return image;
}

std::string text_of(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

class FakeStream : public LiveStream {
 public:
  FakeStream(FakeStreamFactory& factory, const LiveSettings& settings, LiveCallbacks callbacks)
      : factory_(factory), settings_(settings), callbacks_(std::move(callbacks)) {
    const int now = ++factory_.streams;
    if (now > factory_.max_streams) factory_.max_streams = now;
    thread_ = std::thread([this] {
      loop();
      factory_.stop_hangs.wait(true);
      if (callbacks_.ended) callbacks_.ended();
    });
  }
  ~FakeStream() override {
    stop();
    --factory_.streams;
  }

  std::optional<std::uint64_t> submit(LiveFrame frame) override {
    factory_.fail_in(FakeStreamFactory::Call::submit);
    const std::lock_guard lock(mutex_);
    if (ending_) return std::nullopt;
    ++counters_.captured;
    if (paused_) {
      ++counters_.dropped_paused;
      return next_id_++;
    }
    if (waiting_) ++counters_.dropped_waiting;
    waiting_ = std::move(frame);
    wake_.notify_all();
    return next_id_++;
  }
  void pause() override {
    factory_.fail_in(FakeStreamFactory::Call::pause);
    set_paused(true);
  }
  void resume() override { set_paused(false); }
  void close() override {
    ++factory_.closes;
    if (!factory_.drain_hangs) order_end(false);
  }
  void drain() override {
    close();
    join();
  }
  void halt() override {
    ++factory_.halts;
    order_end(true);
  }
  void stop() override {
    order_end(true);
    join();
  }
  std::uint64_t change(const LiveSettings& settings) override {
    factory_.fail_in(FakeStreamFactory::Call::change);
    base::require(settings.options.seed != FakeStreamFactory::kRefusedSeed,
                  ErrorCode::invalid_argument, "the seed is refused");
    const std::lock_guard lock(mutex_);
    ++changes_;
    if (settings.options.seed == FakeStreamFactory::kUnpreparedSeed) {
      callbacks_.error(Error(ErrorCode::busy, "no memory for it"), std::nullopt);
      return changes_;
    }
    settings_ = settings;
    return current_change_ = changes_;
  }
  std::uint64_t change(server::StreamFactory& model, const LiveSettings& settings) override {
    factory_.set_changed_to(model.info().model);
    return change(settings);
  }
  LiveChanges changes() const override {
    const std::lock_guard lock(mutex_);
    return {current_change_, current_change_, current_change_};
  }
  bool reconfiguring() const override { return false; }
  bool reading_images() const override { return false; }
  std::shared_ptr<const Image> control_image(std::size_t net) const override {
    if (net >= factory_.info().controlnets.size()) return nullptr;
    return std::make_shared<const Image>(one_color(200, 100, 50, 16, 16));
  }
  LiveCounters counters() const override {
    factory_.fail_in(FakeStreamFactory::Call::counters);
    const std::lock_guard lock(mutex_);
    return counters_;
  }
  double call_seconds() const override { return factory_.frame_ms * 1e-3; }
  SessionTimes times() const override {
    const std::lock_guard lock(mutex_);
    return times_;
  }
  std::optional<Error> failure() const override { return std::nullopt; }

 private:
  void set_paused(bool paused) {
    const std::lock_guard lock(mutex_);
    paused_ = paused;
  }

  void order_end(bool drop) {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    if (drop && waiting_) {
      ++counters_.dropped_stopped;
      waiting_.reset();
    }
    wake_.notify_all();
  }

  void join() {
    const std::lock_guard lock(join_mutex_);
    if (thread_.joinable()) thread_.join();
  }

  void loop() {
    while (true) {
      LiveFrame frame;
      LiveSettings settings;
      std::uint64_t id = 0;
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [this] { return ending_ || waiting_; });
        if (!waiting_) return;
        frame = *std::move(waiting_);
        waiting_.reset();
        settings = settings_;
        id = next_id_ - 1;
      }
      generate(frame, settings, id);
    }
  }

  void generate(LiveFrame& frame, const LiveSettings& settings, std::uint64_t id) {
    try {
      const SessionOptions options = factory_.with_defaults(settings.options);
      base::require(factory_.failing != FakeStreamFactory::Call::frame, ErrorCode::io,
                    FakeStreamFactory::kFailure);
      LiveOutput output;
      const Image image = frame.pixels  ? to_image(*frame.pixels)
                          : frame.image ? frame.image()
                                        : one_color(10, 200, 30, *options.width, *options.height);
      output.prepared = output.entered = LiveClock::now();
      ++factory_.frames_begun;
      factory_.wait_while_held();
      std::this_thread::sleep_for(std::chrono::milliseconds(factory_.frame_ms));
      output.image =
          std::make_shared<Image>(image::fit(image, *options.width, *options.height, settings.fit));
      output.frame_id = id;
      output.tag = frame.tag;
      output.captured = frame.captured;
      output.finished = LiveClock::now();
      callbacks_.output(output);
      const std::lock_guard lock(mutex_);
      ++counters_.processed;
      ++times_.frames;
      times_.unet += factory_.frame_seconds(options) * factory_.measured_share;
    } catch (const Error& error) {
      {
        const std::lock_guard lock(mutex_);
        ++counters_.failed;
      }
      callbacks_.error(error, id);
    }
  }

  FakeStreamFactory& factory_;
  mutable std::mutex mutex_;
  std::mutex join_mutex_;
  std::condition_variable wake_;
  LiveSettings settings_;
  const LiveCallbacks callbacks_;
  std::optional<LiveFrame> waiting_;
  bool ending_ = false, paused_ = false;
  std::uint64_t next_id_ = 0, changes_ = 0, current_change_ = 0;
  LiveCounters counters_;
  SessionTimes times_;
  std::thread thread_;
};

}  // namespace

FakeStreamFactory::FakeStreamFactory(const std::string& model) {
  info_.model = model;
  info_.device = "1 thread";
  info_.dtype = "f32";
  info_.sample_prompt = "red apple";
  info_.words = {{"apple", "house", "cat"}, {"3d render"}, {"red", "blue"}};
}

double FakeStreamFactory::frame_seconds(const SessionOptions& options) const {
  constexpr double kPixels = 512 * 512;
  return step_seconds * static_cast<double>(options.t_index_list.size()) * *options.width *
         *options.height / kPixels;
}

void FakeStreamFactory::release_frames() {
  for (std::atomic<bool>* flag : {&held_, &stop_hangs}) {
    *flag = false;
    flag->notify_all();
  }
}

SessionOptions FakeStreamFactory::with_defaults(const SessionOptions& options) const {
  SessionOptions full = options;
  full.width = full.width.value_or(64);
  full.height = full.height.value_or(64);
  if (full.t_index_list.empty()) {
    for (std::size_t i = 0; i < full.timesteps.size(); ++i) {
      full.t_index_list.push_back(static_cast<int>(i));
    }
  }
  if (full.t_index_list.empty()) full.t_index_list = {18, 32};
  full.num_inference_steps = full.timesteps.empty() ? full.num_inference_steps.value_or(50)
                                                    : static_cast<int>(full.timesteps.size());
  full.scheduler = full.scheduler.value_or(Scheduler::lcm);
  full.timestep_spacing = full.timestep_spacing.value_or(TimestepSpacing::lcm);
  full.eta = full.eta.value_or(0.0F);
  full.cfg_type = full.cfg_type.value_or(CfgType::self);
  full.guidance_scale = full.guidance_scale.value_or(1.2F);
  full.delta = full.delta.value_or(1.0F);
  return full;
}

void FakeStreamFactory::fail_in(Call call) const {
  if (failing == call) throw std::runtime_error(kFailure);
}

std::unique_ptr<LiveStream> FakeStreamFactory::open(const LiveSettings& settings,
                                                    QueuePolicy /*policy*/, LiveCallbacks callbacks,
                                                    std::stop_token stop, std::uint64_t group) {
  {
    const std::lock_guard lock(mutex_);
    groups_.push_back(group);
  }
  fail_in(Call::open);
  std::this_thread::sleep_for(std::chrono::milliseconds(open_takes_ms));
  if (open_waits) {
    ++opening;
    wait_until("the order to stop", [&] { return stop.stop_requested(); });
    --opening;
    base::fail(ErrorCode::busy, "stopped while it was opened");
  }
  base::require(settings.options.seed != kRefusedSeed, ErrorCode::invalid_argument,
                "the seed is refused");
  return std::make_unique<FakeStream>(*this, settings, std::move(callbacks));
}

std::string jpeg_of(int red, int green, int blue, int width, int height) {
  return text_of(image::encode_jpeg(one_color(red, green, blue, width, height), 95));
}

std::string noisy_jpeg() {
  Image image{128, 128, {}};
  std::uint32_t state = 1;
  for (int i = 0; i < 128 * 128 * 3; ++i) {
    state = state * 1664525U + 1013904223U;
    image.rgb.push_back(static_cast<std::uint8_t>(state >> 24U));
  }
  return text_of(image::encode_jpeg(image, 95));
}

std::string png_of(int red, int green, int blue) {
  return text_of(image::encode_png(one_color(red, green, blue, 64, 64)));
}

unsigned color_of(const std::string& bytes) {
  const Image image =
      image::decode_image(std::as_bytes(std::span(bytes.data(), bytes.size())), "image");
  const auto* p = image.rgb.data() + 3 * (image.height / 2 * image.width + image.width / 2);
  return unsigned{p[0]} << 16U | unsigned{p[1]} << 8U | p[2];
}

bool similar_colors(unsigned a, unsigned b) {
  for (const unsigned shift : {0U, 8U, 16U}) {
    const int difference =
        static_cast<int>(a >> shift & 0xffU) - static_cast<int>(b >> shift & 0xffU);
    if (std::abs(difference) > 8) return false;
  }
  return true;
}

}  // namespace streamdiffusion::testing

#include "server/engine_stream_factory.h"

#include <algorithm>
#include <filesystem>
#include <mutex>
#include <utility>

#include "base/clock.h"
#include "base/hub_folder.h"
#include "params/limits.h"
#include "server/page_hints.h"
#include "server/work_limit.h"
#include "settings/change_history.h"

namespace streamdiffusion::server {
namespace {

/// The LoRA scales that a stream uses, and those that it may go back to. Thread-safe.
class UsedScales {
 public:
  UsedScales(std::shared_ptr<LoraScaleSets> sets, const std::vector<float>& start)
      : used_(Used{sets, sets->take(start, this)}) {}

  /// Takes scales of a model, or where `sets` is null of the stream's own, and notes that the
  /// change that `change` makes uses them. Returns its number.
  std::uint64_t take(std::shared_ptr<LoraScaleSets> sets, const std::vector<float>& scales,
                     const LiveChanges& now, const std::function<std::uint64_t()>& change) {
    const std::lock_guard lock(mutex_);
    if (!used_) return change();  // the stream has ended
    used_->follow(now);
    if (!sets) sets = used_->now().sets;
    LoraScaleSets::Use next = sets->take(scales, this);
    const std::uint64_t number = change();
    used_->add(number, Used{std::move(sets), std::move(next)});
    return number;
  }
  /// Gives those back that the stream cannot go back to.
  void follow(const LiveChanges& now) {
    const std::lock_guard lock(mutex_);
    if (used_) used_->follow(now);
  }
  void give_back_all() {
    const std::lock_guard lock(mutex_);
    used_.reset();
  }

 private:
  struct Used {
    std::shared_ptr<LoraScaleSets> sets;
    LoraScaleSets::Use use;
  };

  std::mutex mutex_;
  std::optional<settings::ChangeHistory<Used>> used_;
};

/// They are given back when the stream's last thread has ended, with the weights.
LiveCallbacks with_scales(LiveCallbacks callbacks, const std::shared_ptr<UsedScales>& scales) {
  callbacks.ended = [scales, ended = std::move(callbacks.ended)] {
    scales->give_back_all();
    if (ended) ended();
  };
  return callbacks;
}

std::vector<float> scales_of(const Engine& engine, const LiveSettings& settings) {
  return engine.with_defaults(settings.options).lora_scales;
}

class EngineLiveStream : public LiveStream {
 public:
  EngineLiveStream(const Engine& engine, std::shared_ptr<LoraScaleSets> sets,
                   const LiveSettings& settings, QueuePolicy policy, LiveCallbacks callbacks,
                   std::stop_token stop, std::uint64_t group)
      : group_(group),
        scales_(std::make_shared<UsedScales>(std::move(sets), scales_of(engine, settings))),
        session_(engine.group(group), settings, policy, with_scales(std::move(callbacks), scales_),
                 std::move(stop)) {}

  std::optional<std::uint64_t> submit(LiveFrame frame) override {
    return session_.submit(std::move(frame));
  }
  void pause() override { session_.pause(); }
  void resume() override { session_.resume(); }
  void close() override { session_.close(); }
  void drain() override { session_.drain(); }
  void halt() override { session_.halt(); }
  void stop() override { session_.stop(); }
  std::uint64_t change(const LiveSettings& settings) override {
    return change(session_.engine(), nullptr, settings);
  }
  std::uint64_t change(StreamFactory& model, const LiveSettings& settings) override {
    const auto& other = dynamic_cast<EngineStreamFactory&>(model);
    return change(other.engine().group(group_), other.lora_scales(), settings);
  }
  LiveChanges changes() const override {
    const LiveChanges now = session_.changes();
    scales_->follow(now);
    return now;
  }
  bool reconfiguring() const override { return session_.reconfiguring(); }
  bool reading_images() const override { return session_.reading_images(); }
  std::shared_ptr<const Image> control_image(std::size_t net) const override {
    return session_.control_image(net);
  }
  LiveCounters counters() const override { return session_.counters(); }
  double call_seconds() const override { return session_.call_seconds(); }
  SessionTimes times() const override { return session_.times(); }
  std::optional<Error> failure() const override { return session_.failure(); }

 private:
  std::uint64_t change(const Engine& engine, std::shared_ptr<LoraScaleSets> sets,
                       const LiveSettings& settings) {
    return scales_->take(std::move(sets), scales_of(engine, settings), session_.changes(),
                         [&] { return session_.change(engine, settings); });
  }

  const std::uint64_t group_;
  const std::shared_ptr<UsedScales> scales_;
  LiveSession session_;
};

/// The shares hardly depend on the size.
AdapterWork work_of(const Engine& engine) {
  AdapterWork work;
  for (const ControlNetCost& cost : engine.controlnet_costs()) {
    work.controlnets.push_back(
        {cost.row_macs / cost.unet_row_macs, cost.image_macs / cost.unet_row_macs});
  }
  for (const IpAdapterCost& cost : engine.ip_adapter_costs()) {
    work.ip_adapters.push_back(cost.row_macs / cost.unet_row_macs / std::max(cost.images, 1));
  }
  return work;
}

ServedModel describe(const Engine& engine) {
  const EngineInfo info = engine.info();
  std::vector<std::string> loras;
  for (const Lora& lora : info.loras) {
    loras.push_back(std::filesystem::path(lora.file).stem().string());
  }
  std::vector<std::string> controlnets;
  for (const ControlNet& net : info.controlnets) controlnets.push_back(base::model_name(net.model));
  std::vector<std::string> adapters;
  for (const IpAdapter& adapter : info.ip_adapters) {
    adapters.push_back(base::model_name(adapter.file));
  }
  return {.model = info.model,
          .device = info.device,
          .dtype = info.dtype,
          .factor = info.latent_factor,
          .unet_levels = info.unet_levels,
          .image_layers = info.image_layers,
          .sample_prompt = engine.sample_prompt(),
          .sample_negative_prompt = engine.sample_negative_prompt(),
          .words = read_known_words(info.folder),
          .page_hints = read_page_hints(info.folder),
          .page_words = read_page_words(info.folder),
          .loras = std::move(loras),
          .controlnets = std::move(controlnets),
          .ip_adapters = std::move(adapters),
          .work = work_of(engine),
          .traits = {info.size_conditioning, info.guidance_embedding}};
}

double pixels_of(const SessionOptions& options) {
  return static_cast<double>(*options.width) * *options.height;
}

FrameSeconds::Sample sample(const Engine& engine, SessionOptions options, int scale) {
  options.width = *options.width * scale;
  options.height = *options.height * scale;
  return {pixels_of(options), engine.frame_cost(options)};
}

/// Of the fastest of some frames, once the stream is full; before that not every frame leaves.
/// Slow ones tell of the machine's other work.
FrameSeconds measure_frame(const Engine& engine, SessionOptions options, const AdapterWork& work) {
  constexpr int kRuns = 10;
  constexpr double kEnough = 1;  // seconds
  options.enable_similar_image_filter = false;
  Session session = Engine(engine).session(options);
  session.set_prompt(engine.sample_prompt());
  const std::vector<std::uint8_t> black(static_cast<std::size_t>(3 * pixels_of(options)));
  const Image image{*options.width, *options.height, black};
  const auto draw = [&] {
    for (int i = 0; i < options.frame_buffer_size; ++i) {
      options.text_to_image ? session.generate() : session.process(image);
    }
  };
  for (std::size_t i = 0; i <= options.t_index_list.size(); ++i) draw();
  FrameSeconds::Measured best{.pixels = pixels_of(options),
                              .rows = rows_worth(options, work) / options.frame_buffer_size};
  const auto start = base::Clock::now();
  for (int run = 0; run < kRuns && (run < 2 || base::seconds_since(start) < kEnough); ++run) {
    const SessionTimes before = session.times();
    draw();
    const SessionTimes after = session.times();
    const double unet = (after.unet - before.unet) / options.frame_buffer_size;
    const double autoencoder =
        (after.encode - before.encode + after.decode - before.decode) / options.frame_buffer_size;
    if (run > 0 && unet + autoencoder > best.unet_seconds + best.autoencoder_seconds) continue;
    best.unet_seconds = unet;
    best.autoencoder_seconds = autoencoder;
  }
  const bool room = 2 * std::max(*options.width, *options.height) <= params::kMaxSide;
  return {sample(engine, options, 1), sample(engine, options, room ? 2 : 1), best};
}

}  // namespace

EngineStreamFactory::EngineStreamFactory(Engine engine, LiveSettings initial_settings,
                                         const Limits& limits, const std::string& name)
    : engine_(std::move(engine)),
      info_(describe(engine_)),
      initial_settings_(std::move(initial_settings)),
      lora_scales_(std::make_shared<LoraScaleSets>(limits.lora_scale_sets)),
      initial_scales_(
          lora_scales_->take(engine_.with_defaults(initial_settings_.options).lora_scales, this)),
      warm_session_(engine_.session(initial_settings_.options)) {
  if (!name.empty()) info_.model = name;
  // Clients may change a single scale, or a single setting of a net or an adapter.
  const SessionOptions full = engine_.with_defaults(initial_settings_.options);
  initial_settings_.options.lora_scales = full.lora_scales;
  initial_settings_.options.control_settings = full.control_settings;
  initial_settings_.options.image_prompts = full.image_prompts;
  if (limits.min_fps <= 0) return;
  engine_ = engine_.equal_rates();
  frame_seconds_ = measure_frame(engine_, full, info_.work);
}

SharedCalls EngineStreamFactory::new_shared_calls() {
  const SharedCalls now = engine_.shared_calls();
  return now.since(std::exchange(told_, now));
}

std::unique_ptr<LiveStream> EngineStreamFactory::open(const LiveSettings& settings,
                                                      QueuePolicy policy, LiveCallbacks callbacks,
                                                      std::stop_token stop, std::uint64_t group) {
  return std::make_unique<EngineLiveStream>(engine_, lora_scales_, settings, policy,
                                            std::move(callbacks), std::move(stop), group);
}

}  // namespace streamdiffusion::server

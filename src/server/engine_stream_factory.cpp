#include "server/engine_stream_factory.h"

#include <algorithm>
#include <filesystem>
#include <mutex>
#include <utility>

#include "base/hub_folder.h"
#include "server/page_hints.h"

namespace streamdiffusion::server {
namespace {

/// The LoRA scales that a stream uses, among those of its model.
struct UsedScales {
  std::shared_ptr<LoraScaleSets> sets;
  LoraScaleSets::Use use;
};

UsedScales take_scales(std::shared_ptr<LoraScaleSets> sets, const Engine& engine,
                       const LiveSettings& settings, const LoraScaleSets::Use& instead_of = {}) {
  LoraScaleSets::Use use =
      sets->take(engine.with_defaults(settings.options).lora_scales, instead_of);
  return {std::move(sets), std::move(use)};
}

class EngineLiveStream : public LiveStream {
 public:
  EngineLiveStream(const Engine& engine, std::shared_ptr<LoraScaleSets> sets,
                   const LiveSettings& settings, QueuePolicy policy, LiveCallbacks callbacks,
                   std::stop_token stop)
      : scales_(take_scales(std::move(sets), engine, settings)),
        session_(engine, settings, policy, std::move(callbacks), std::move(stop)) {}

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
    const std::lock_guard lock(mutex_);
    settle();
    UsedScales next = take_scales(scales_.sets, session_.engine(), settings, scales_.use);
    const std::uint64_t number = session_.change(settings);
    scales_ = std::move(next);
    return number;
  }
  std::uint64_t change(StreamFactory& model, const LiveSettings& settings) override {
    const std::lock_guard lock(mutex_);
    settle();
    const auto& other = dynamic_cast<EngineStreamFactory&>(model);
    UsedScales next = take_scales(other.lora_scales(), other.engine(), settings);
    const Engine now = session_.engine();
    const std::uint64_t number = session_.change(other.engine(), settings);
    if (!before_) before_ = Before{now, std::move(scales_)};
    scales_ = std::move(next);
    return number;
  }
  std::uint64_t current_change() const override { return session_.current_change(); }
  bool reconfiguring() const override {
    const std::lock_guard lock(mutex_);
    return settle();
  }
  std::shared_ptr<const Image> control_image(std::size_t net) const override {
    return session_.control_image(net);
  }
  LiveCounters counters() const override { return session_.counters(); }
  double call_seconds() const override { return session_.call_seconds(); }
  std::optional<Error> failure() const override { return session_.failure(); }

 private:
  struct Before {
    Engine engine;
    UsedScales scales;
  };

  /// Once a change of the model has been prepared, or has failed and the old one goes on. Returns
  /// whether a change is still being prepared.
  bool settle() const {
    if (session_.reconfiguring()) return true;
    if (before_ && session_.engine().is(before_->engine)) scales_ = std::move(before_->scales);
    before_.reset();
    return false;
  }

  mutable std::mutex mutex_;
  mutable UsedScales scales_;
  mutable std::optional<Before> before_;
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

}  // namespace

EngineStreamFactory::EngineStreamFactory(Engine engine, LiveSettings initial_settings,
                                         int lora_scale_sets, const std::string& name)
    : engine_(std::move(engine)),
      info_(describe(engine_)),
      initial_settings_(std::move(initial_settings)),
      lora_scales_(std::make_shared<LoraScaleSets>(lora_scale_sets)),
      initial_scales_(
          lora_scales_->take(engine_.with_defaults(initial_settings_.options).lora_scales)),
      warm_session_(engine_.session(initial_settings_.options)) {
  if (!name.empty()) info_.model = name;
  // Clients may change a single setting of a net or an adapter.
  const SessionOptions full = engine_.with_defaults(initial_settings_.options);
  initial_settings_.options.control_settings = full.control_settings;
  initial_settings_.options.image_prompts = full.image_prompts;
}

SharedCalls EngineStreamFactory::new_shared_calls() {
  const SharedCalls now = engine_.shared_calls();
  return now.since(std::exchange(told_, now));
}

std::unique_ptr<LiveStream> EngineStreamFactory::open(const LiveSettings& settings,
                                                      QueuePolicy policy, LiveCallbacks callbacks,
                                                      std::stop_token stop) {
  return std::make_unique<EngineLiveStream>(engine_, lora_scales_, settings, policy,
                                            std::move(callbacks), std::move(stop));
}

}  // namespace streamdiffusion::server

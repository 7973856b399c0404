#include "server/engine_stream_factory.h"

#include <filesystem>

#include "server/page_hints.h"

namespace streamdiffusion::server {
namespace {

class EngineLiveStream : public LiveStream {
 public:
  EngineLiveStream(Engine engine, LoraScaleSets& scales, const LiveSettings& settings,
                   QueuePolicy policy, LiveCallbacks callbacks, std::stop_token stop)
      : engine_(std::move(engine)),
        scales_(scales),
        use_(scales_.take(scales_of(settings))),
        session_(engine_, settings, policy, std::move(callbacks), std::move(stop)) {}

  std::optional<std::uint64_t> submit(LiveFrame frame) override {
    return session_.submit(std::move(frame));
  }
  void pause() override { session_.pause(); }
  void resume() override { session_.resume(); }
  void close() override { session_.close(); }
  void drain() override { session_.drain(); }
  void halt() override { session_.halt(); }
  void stop() override { session_.stop(); }
  void change(const LiveSettings& settings) override {
    LoraScaleSets::Use use = scales_.take(scales_of(settings), use_);
    session_.change(settings);
    use_ = std::move(use);
  }
  bool reconfiguring() const override { return session_.reconfiguring(); }
  LiveCounters counters() const override { return session_.counters(); }
  double call_seconds() const override { return session_.call_seconds(); }
  std::optional<Error> failure() const override { return session_.failure(); }

 private:
  std::vector<float> scales_of(const LiveSettings& settings) const {
    return engine_.with_defaults(settings.options).lora_scales;
  }

  Engine engine_;
  LoraScaleSets& scales_;
  LoraScaleSets::Use use_;
  LiveSession session_;
};

ServedModel describe(const Engine& engine) {
  const EngineInfo info = engine.info();
  std::vector<std::string> loras;
  for (const Lora& lora : info.loras) {
    loras.push_back(std::filesystem::path(lora.file).stem().string());
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
          .traits = {info.size_conditioning, info.guidance_embedding}};
}

}  // namespace

EngineStreamFactory::EngineStreamFactory(Engine engine, LiveSettings initial_settings,
                                         int lora_scale_sets)
    : engine_(std::move(engine)),
      info_(describe(engine_)),
      initial_settings_(std::move(initial_settings)),
      lora_scales_(lora_scale_sets),
      initial_scales_(
          lora_scales_.take(engine_.with_defaults(initial_settings_.options).lora_scales)),
      warm_session_(engine_.session(initial_settings_.options)) {}

std::unique_ptr<LiveStream> EngineStreamFactory::open(const LiveSettings& settings,
                                                      QueuePolicy policy, LiveCallbacks callbacks,
                                                      std::stop_token stop) {
  return std::make_unique<EngineLiveStream>(engine_, lora_scales_, settings, policy,
                                            std::move(callbacks), std::move(stop));
}

}  // namespace streamdiffusion::server

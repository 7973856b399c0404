#include "server/engine_stream_factory.h"

#include <filesystem>

#include "server/page_hints.h"

namespace streamdiffusion::server {
namespace {

class EngineLiveStream : public LiveStream {
 public:
  EngineLiveStream(const Engine& engine, const LiveSettings& settings, QueuePolicy policy,
                   LiveCallbacks callbacks, std::stop_token stop)
      : session_(engine, settings, policy, std::move(callbacks), std::move(stop)) {}

  std::optional<std::uint64_t> submit(LiveFrame frame) override {
    return session_.submit(std::move(frame));
  }
  void pause() override { session_.pause(); }
  void resume() override { session_.resume(); }
  void close() override { session_.close(); }
  void drain() override { session_.drain(); }
  void halt() override { session_.halt(); }
  void stop() override { session_.stop(); }
  void change(const LiveSettings& settings) override { session_.change(settings); }
  void change(StreamFactory& model, const LiveSettings& settings) override {
    session_.change(dynamic_cast<EngineStreamFactory&>(model).engine(), settings);
  }
  bool reconfiguring() const override { return session_.reconfiguring(); }
  LiveCounters counters() const override { return session_.counters(); }
  double call_seconds() const override { return session_.call_seconds(); }
  std::optional<Error> failure() const override { return session_.failure(); }

 private:
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
                                         const std::string& name)
    : engine_(std::move(engine)),
      info_(describe(engine_)),
      initial_settings_(std::move(initial_settings)),
      warm_session_(engine_.session(initial_settings_.options)) {
  if (!name.empty()) info_.model = name;
}

std::unique_ptr<LiveStream> EngineStreamFactory::open(const LiveSettings& settings,
                                                      QueuePolicy policy, LiveCallbacks callbacks,
                                                      std::stop_token stop) {
  return std::make_unique<EngineLiveStream>(engine_, settings, policy, std::move(callbacks),
                                            std::move(stop));
}

}  // namespace streamdiffusion::server

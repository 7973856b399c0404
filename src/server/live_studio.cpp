#include "server/live_studio.h"

namespace streamdiffusion::server {
namespace {

class EngineStream : public Stream {
 public:
  EngineStream(const Engine& engine, const LiveSettings& settings, QueuePolicy policy,
               LiveCallbacks callbacks)
      : session_(engine, settings, policy, std::move(callbacks)) {}

  std::optional<std::uint64_t> submit(LiveFrame frame) override {
    return session_.submit(std::move(frame));
  }
  void pause() override { session_.pause(); }
  void resume() override { session_.resume(); }
  void drain() override { session_.drain(); }
  void stop() override { session_.stop(); }
  void change(const LiveSettings& settings) override { session_.change(settings); }
  bool planning() const override { return session_.reconfiguring(); }
  LiveCounters counters() const override { return session_.counters(); }
  double frame_seconds() const override { return session_.frame_seconds(); }
  std::optional<Error> failure() const override { return session_.failure(); }

 private:
  LiveSession session_;
};

StudioInfo info_of(const Engine& engine) {
  const EngineInfo info = engine.info();
  return {.model = info.model,
          .device = info.device,
          .dtype = info.dtype,
          .factor = info.latent_factor,
          .sample_prompt = engine.sample_prompt(),
          .sample_negative_prompt = engine.sample_negative_prompt(),
          .words = read_known_words(info.folder)};
}

}  // namespace

LiveStudio::LiveStudio(Engine engine, LiveSettings first)
    : engine_(std::move(engine)),
      info_(info_of(engine_)),
      first_(std::move(first)),
      warm_(engine_.session(first_.options)) {}

std::unique_ptr<Stream> LiveStudio::open(const LiveSettings& settings, QueuePolicy policy,
                                         LiveCallbacks callbacks) {
  return std::make_unique<EngineStream>(engine_, settings, policy, std::move(callbacks));
}

}  // namespace streamdiffusion::server

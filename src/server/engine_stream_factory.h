// Opens the server's streams on an engine.
#pragma once

#include "server/frame_seconds.h"
#include "server/lora_scale_sets.h"
#include "server/options.h"
#include "server/stream_factory.h"
#include "streamdiffusion/engine.h"

namespace streamdiffusion::server {

class EngineStreamFactory : public StreamFactory {
 public:
  /// Compiles the executables of the initial settings and keeps them, so that the first client
  /// does not wait. Of the limits it takes how many sets of LoRA scales streams may use at once,
  /// and, where streams are let in by what they cost, it measures a frame, and streams draw at
  /// equal rates (Engine::equal_rates). `name` is what clients call the model; empty for the
  /// engine's own name of it. Throws Error as Engine::session does.
  EngineStreamFactory(Engine engine, LiveSettings initial_settings, const Limits& limits = {},
                      const std::string& name = {});

  const Engine& engine() const { return engine_; }
  const std::shared_ptr<LoraScaleSets>& lora_scales() const { return lora_scales_; }
  const ServedModel& info() const override { return info_; }
  const LiveSettings& initial_settings() const override { return initial_settings_; }
  SessionOptions with_defaults(const SessionOptions& options) const override {
    return engine_.with_defaults(options);
  }
  double frame_seconds(const SessionOptions& options) const override {
    return frame_seconds_.of(options, info_.work);
  }
  std::vector<std::string> prompt_warnings(const std::string& prompt) const override {
    return engine_.prompt_warnings(prompt);
  }
  SharedCalls new_shared_calls() override;
  std::unique_ptr<LiveStream> open(const LiveSettings& settings, QueuePolicy policy,
                                   LiveCallbacks callbacks, std::stop_token stop,
                                   std::uint64_t group) override;

 private:
  Engine engine_;
  ServedModel info_;
  /// What new_shared_calls() has told.
  SharedCalls told_;
  LiveSettings initial_settings_;
  /// The streams hold it too.
  std::shared_ptr<LoraScaleSets> lora_scales_;
  LoraScaleSets::Use initial_scales_;
  /// Keeps the executables alive.
  Session warm_session_;
  FrameSeconds frame_seconds_;
};

}  // namespace streamdiffusion::server

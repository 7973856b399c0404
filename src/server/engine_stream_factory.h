// Opens the server's streams on an engine.
#pragma once

#include "server/stream_factory.h"
#include "streamdiffusion/engine.h"

namespace streamdiffusion::server {

class EngineStreamFactory : public StreamFactory {
 public:
  /// Compiles the executables of the initial settings and keeps them, so that the first client
  /// does not wait. `name` is what clients call the model; empty for the engine's own name of it.
  /// Throws Error as Engine::session does.
  EngineStreamFactory(Engine engine, LiveSettings initial_settings, const std::string& name = {});

  const Engine& engine() const { return engine_; }
  const ServedModel& info() const override { return info_; }
  const LiveSettings& initial_settings() const override { return initial_settings_; }
  SessionOptions with_defaults(const SessionOptions& options) const override {
    return engine_.with_defaults(options);
  }
  std::vector<std::string> prompt_warnings(const std::string& prompt) const override {
    return engine_.prompt_warnings(prompt);
  }
  std::unique_ptr<LiveStream> open(const LiveSettings& settings, QueuePolicy policy,
                                   LiveCallbacks callbacks, std::stop_token stop) override;

 private:
  Engine engine_;
  ServedModel info_;
  LiveSettings initial_settings_;
  /// Keeps the executables alive.
  Session warm_session_;
};

}  // namespace streamdiffusion::server

// The engine as the server uses it.
#pragma once

#include "server/studio.h"
#include "streamdiffusion/engine.h"

namespace streamdiffusion::server {

class LiveStudio : public Studio {
 public:
  /// Makes the plans of the first settings and keeps them, so that the first client waits for
  /// nothing. Throws Error as Engine::session.
  LiveStudio(Engine engine, LiveSettings first);

  const StudioInfo& info() const override { return info_; }
  const LiveSettings& first_settings() const override { return first_; }
  SessionOptions with_defaults(const SessionOptions& options) const override {
    return engine_.with_defaults(options);
  }
  std::unique_ptr<Stream> open(const LiveSettings& settings, QueuePolicy policy,
                               LiveCallbacks callbacks) override;

 private:
  Engine engine_;
  StudioInfo info_;
  LiveSettings first_;
  /// Holds the plans.
  Session warm_;
};

}  // namespace streamdiffusion::server

// What the server needs of the engine, as two small interfaces: so that all of it can be tested
// with a stream that paints by itself.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "streamdiffusion/known_words.h"
#include "streamdiffusion/live.h"

namespace streamdiffusion::server {

/// A running stream: LiveSession's interface. All functions from any thread; drain() and stop()
/// wait, and not from a callback.
class Stream {
 public:
  virtual ~Stream() = default;
  virtual std::optional<std::uint64_t> submit(LiveFrame frame) = 0;
  virtual void pause() = 0;
  virtual void resume() = 0;
  virtual void drain() = 0;
  virtual void stop() = 0;
  /// Throws invalid_argument, with nothing changed.
  virtual void change(const LiveSettings& settings) = 0;
  virtual bool planning() const = 0;
  virtual LiveCounters counters() const = 0;
  virtual double frame_seconds() const = 0;
  /// What ended a stream that ended by itself.
  virtual std::optional<Error> failure() const = 0;
};

struct StudioInfo {
  std::string model, device, dtype;
  /// Widths and heights are multiples of it.
  int factor = 8;
  std::string sample_prompt, sample_negative_prompt;
  KnownWords words;
};

/// Opens streams. Thread-safe.
class Studio {
 public:
  virtual ~Studio() = default;
  virtual const StudioInfo& info() const = 0;
  /// What streams begin with.
  virtual const LiveSettings& first_settings() const = 0;
  /// The model's own values where an option is unset.
  virtual SessionOptions with_defaults(const SessionOptions& options) const = 0;
  /// May take seconds. Throws Error for settings that no stream could have.
  virtual std::unique_ptr<Stream> open(const LiveSettings& settings, QueuePolicy policy,
                                       LiveCallbacks callbacks) = 0;
};

}  // namespace streamdiffusion::server

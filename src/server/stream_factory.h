// What the server needs of the engine, as two small interfaces. The tests implement them without
// an engine.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "params/without_effect.h"
#include "streamdiffusion/engine.h"
#include "streamdiffusion/known_words.h"
#include "streamdiffusion/live.h"

namespace streamdiffusion::server {

class StreamFactory;

/// A running stream, with the interface of LiveSession; it calls LiveCallbacks::ended as well.
/// Every function may be called from any thread. drain() and stop() block and must not be called
/// from a callback.
class LiveStream {
 public:
  virtual ~LiveStream() = default;
  virtual std::optional<std::uint64_t> submit(LiveFrame frame) = 0;
  virtual void pause() = 0;
  virtual void resume() = 0;
  /// Never waits: takes no more frames, and ends once those in flight are delivered.
  virtual void close() = 0;
  virtual void drain() = 0;
  /// Never waits: orders the stream to stop, so that a drain() or stop() elsewhere returns soon.
  virtual void halt() = 0;
  virtual void stop() = 0;
  /// Throws invalid_argument, with nothing changed.
  virtual std::uint64_t change(const LiveSettings& settings) = 0;
  /// Goes on with another model: a factory of the same kind as the one that opened this stream. The
  /// images keep coming while that is prepared.
  virtual std::uint64_t change(StreamFactory& model, const LiveSettings& settings) = 0;
  virtual LiveChanges changes() const = 0;
  virtual bool reconfiguring() const = 0;
  virtual bool reading_images() const = 0;
  virtual std::shared_ptr<const Image> control_image(std::size_t net) const = 0;
  virtual LiveCounters counters() const = 0;
  virtual double call_seconds() const = 0;
  /// Seconds of the device, without what it waited for others.
  virtual SessionTimes times() const = 0;
  /// The error that ended the stream, if one did.
  virtual std::optional<Error> failure() const = 0;
};

/// The work of ControlNets and IP-Adapters, as shares of a row of the UNet's.
struct AdapterWork {
  /// Of each net, in a row and once a frame.
  struct Net {
    double row = 0, frame = 0;
  };
  std::vector<Net> controlnets;
  /// Of one image of each adapter, in a row.
  std::vector<double> ip_adapters;
};

/// The model that the server runs.
struct ServedModel {
  std::string model, device, dtype;
  /// Widths and heights are multiples of this.
  int factor = 8;
  /// Of the UNet; 0 for not known.
  int unet_levels = 0;
  /// EngineInfo::image_layers.
  bool image_layers = true;
  std::string sample_prompt, sample_negative_prompt;
  KnownWords words;
  /// page.json of the model, an object; read_page_hints().
  std::string page_hints = "{}";
  /// words.json of the model, an object; read_page_words().
  std::string page_words = "{}";
  /// Names of the LoRA files, without folder and extension.
  std::vector<std::string> loras;
  /// Names of the ControlNets, and of the IP-Adapters.
  std::vector<std::string> controlnets, ip_adapters;
  AdapterWork work;
  params::ModelTraits traits;
};

/// Opens streams. Thread-safe.
class StreamFactory {
 public:
  virtual ~StreamFactory() = default;
  virtual const ServedModel& info() const = 0;
  /// The settings of a new stream.
  virtual const LiveSettings& initial_settings() const = 0;
  /// Fills every option that is unset with the model's own default.
  virtual SessionOptions with_defaults(const SessionOptions& options) const = 0;
  /// Seconds that the device is predicted to work for a frame of such a stream; 0 where that is
  /// not known. `options` has every default filled in. Costs next to nothing.
  virtual double frame_seconds(const SessionOptions& /*options*/) const { return 0; }
  /// As Engine::prompt_warnings().
  virtual std::vector<std::string> prompt_warnings(const std::string& /*prompt*/) const {
    return {};
  }
  /// What became of the UNet's calls since this was last called, by one thread at a time.
  virtual SharedCalls new_shared_calls() { return {}; }
  /// May take seconds. `group` as in Engine::group(), for as long as the stream lives. Throws Error
  /// for settings that are invalid for this model, and busy soon after `stop` is requested.
  virtual std::unique_ptr<LiveStream> open(const LiveSettings& settings, QueuePolicy policy,
                                           LiveCallbacks callbacks, std::stop_token stop,
                                           std::uint64_t group) = 0;
};

}  // namespace streamdiffusion::server

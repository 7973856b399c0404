// A factory of streams that return the images they are given, to test the server without an engine.
#pragma once

#include <atomic>
#include <chrono>
#include <mutex>
#include <stop_token>
#include <string>

#include "server/stream_factory.h"

namespace streamdiffusion::testing {

class FakeStreamFactory : public server::StreamFactory {
 public:
  explicit FakeStreamFactory(const std::string& model = "fake");

  const server::ServedModel& info() const override { return info_; }
  const LiveSettings& initial_settings() const override { return initial_settings_; }
  SessionOptions with_defaults(const SessionOptions& options) const override;
  std::unique_ptr<server::LiveStream> open(const LiveSettings& settings, QueuePolicy policy,
                                           LiveCallbacks callbacks, std::stop_token stop,
                                           std::uint64_t group) override;

  /// Where a stream throws kFailure, an exception that is no Error; in `frame`, as an Error of io.
  enum class Call { none, open, submit, change, pause, counters, frame };
  std::atomic<Call> failing{Call::none};
  /// Names a file, which no client may see.
  static constexpr const char* kFailure = "/secret/model/unet: no memory";
  void fail_in(Call call) const;
  /// open() takes so many milliseconds.
  std::atomic<int> open_takes_ms{0};
  /// open() waits until it is told to stop. How many calls of it wait now.
  std::atomic<bool> open_waits{false};
  std::atomic<int> opening{0};

  /// Time that one frame takes.
  std::atomic<int> frame_ms{2};
  /// Seconds of the device that a step takes at 512x512; more and smaller ones go with them.
  std::atomic<double> step_seconds{0};
  double frame_seconds(const SessionOptions& options) const override;
  /// What streams measure, as a multiple of that.
  std::atomic<double> measured_share{1};
  /// From hold_frames() on, a frame that a stream has begun with stays in it until
  /// release_frames().
  void hold_frames() { held_ = true; }
  void release_frames();
  void wait_while_held() { held_.wait(true); }
  /// close() and drain() end only with halt(); a stream ends only after release_frames().
  std::atomic<bool> drain_hangs{false}, stop_hangs{false};
  /// Calls of halt() and of close().
  std::atomic<int> halts{0}, closes{0};
  /// Frames that streams have begun with so far.
  std::atomic<int> frames_begun{0};
  /// Streams that are open now, and the most there ever were.
  std::atomic<int> streams{0}, max_streams{0};
  /// The group of each stream that was opened.
  std::vector<std::uint64_t> groups() const {
    const std::lock_guard lock(mutex_);
    return groups_;
  }
  /// The model that a stream of this factory changed to last.
  std::string changed_to() const {
    const std::lock_guard lock(mutex_);
    return changed_to_;
  }
  void set_changed_to(const std::string& model) {
    const std::lock_guard lock(mutex_);
    changed_to_ = model;
  }
  /// Settings with this seed are refused, at the opening and later; those with the other cannot be
  /// prepared.
  static constexpr std::int64_t kRefusedSeed = 666, kUnpreparedSeed = 667;

 private:
  std::atomic<bool> held_{false};
  mutable std::mutex mutex_;
  std::string changed_to_;
  std::vector<std::uint64_t> groups_;
  server::ServedModel info_;
  LiveSettings initial_settings_;
};

/// An image of one color, encoded.
std::string jpeg_of(int red, int green, int blue, int width = 64, int height = 64);
/// One that does not compress.
std::string noisy_jpeg();
std::string png_of(int red, int green, int blue);
/// The color in the middle of an encoded image: 0xRRGGBB.
unsigned color_of(const std::string& image);
/// Whether two colors agree within the error of JPEG.
bool similar_colors(unsigned a, unsigned b);

}  // namespace streamdiffusion::testing

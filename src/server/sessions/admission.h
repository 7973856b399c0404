// Which streams the device has time for: admission control by utilization, as for periodic tasks
// (Liu and Layland, "Scheduling algorithms for multiprogramming in a hard-real-time environment",
// JACM 1973: tasks fit while the sum of time over period is at most 1). The period of a stream is
// that of Limits::min_fps; its time is what a frame takes of the device, predicted at first and
// measured once it draws. Streams that keep asking draw at equal rates (Engine::equal_rates), so
// those that were let in keep that rate, heavy and light ones alike.
//
// Also how many streams, and which share of the device, each token has. Lives on the network
// thread.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <vector>

#include "server/options.h"
#include "server/stream_factory.h"

namespace streamdiffusion::server {

class Admission {
 public:
  /// Stands for a stream: the address of what owns it.
  using Stream = const void*;
  /// The part of the device's time that streams may take. The rest is for prompts and changes, and
  /// on a processor for the images that are decoded and encoded beside. At 1 every frame would
  /// wait for all others.
  static constexpr double kForStreams = 0.8;

  explicit Admission(const ServerOptions& options)
      : limits_(options.limits), tokens_(options.tokens) {}

  /// Whether streams are let in by what they cost.
  bool by_cost() const { return limits_.min_fps > 0; }
  /// The group whose time the streams of this owner share (Engine::group). Where every stream was
  /// promised a rate they are all of one group: a token's share would break the promise to those of
  /// a token with many.
  std::uint64_t group(Owner owner) const { return by_cost() ? 0 : owner + 1; }
  /// A stream of this owner is here, which takes nothing of the device yet. Throws HttpError 429
  /// where its token has as many as it may have.
  void arrive(Stream stream, Owner owner);
  void leave(Stream stream) { streams_.erase(stream); }

  /// Throws HttpError where the stream may not draw with these options, which have every default
  /// filled in: 403 where its token never allows it, 429 where other streams of its token take the
  /// room, and `status`, 409 or 503, where those of others do. It says what would fit.
  void check(Stream stream, const StreamFactory& model, const SessionOptions& options,
             int status) const;
  /// The same as if no other stream ran: for one that waits.
  void check_alone(Stream stream, const StreamFactory& model, const SessionOptions& options) const;

  enum class Room { enough, token_has_none, device_has_none };
  /// Whether it could draw with those now.
  Room room(Stream stream, const StreamFactory& model, const SessionOptions& options) const;

  /// It draws, at so many seconds of the device a frame.
  void set(Stream stream, double seconds);
  /// A stream that draws was measured.
  void measured(Stream stream, double seconds);

  /// The share of that part which frames of so many seconds take at so many a second.
  static double share(double seconds, double fps) { return seconds * fps / kForStreams; }
  /// Of all streams, of one, and of those that have this owner.
  double used() const;
  double used_by(Stream stream) const;
  double used_by_owner(Owner owner) const;

 private:
  double share(double seconds) const { return share(seconds, limits_.min_fps); }
  struct Entry {
    Owner owner = 0;
    double seconds = 0;
  };
  static constexpr double kNoLimit = std::numeric_limits<double>::infinity();
  struct Need {
    double seconds = 0, share = 0;
    /// What the token allows, and what others leave of it and of the device.
    double allowed = kNoLimit, of_token = kNoLimit, of_device = kNoLimit;
  };
  Need need(Stream stream, const StreamFactory& model, const SessionOptions& options,
            bool alone) const;
  static Room room(const Need& need);
  void check(Stream stream, const StreamFactory& model, const SessionOptions& options, int status,
             bool alone) const;

  const Limits& limits_;
  const std::vector<Token>& tokens_;
  std::map<Stream, Entry> streams_;
};

}  // namespace streamdiffusion::server

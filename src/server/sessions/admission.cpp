#include "server/sessions/admission.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "server/protocol/http_error.h"
#include "server/what_fits.h"

namespace streamdiffusion::server {
namespace {

/// Sums of shares are rounded.
constexpr double kRounding = 1e-9;

std::string percent(double share) {
  return base::concat(std::lround(100 * std::max(share, 0.0)), " %");
}

std::string size_and_steps(const SessionOptions& o) {
  const std::size_t steps = o.t_index_list.size();
  return base::concat(*o.width, "x", *o.height, " with ", steps, steps == 1 ? " step" : " steps");
}

}  // namespace

void Admission::arrive(Stream stream, Owner owner) {
  const auto same = [owner](const auto& entry) { return entry.second.owner == owner; };
  const int most = owner < tokens_.size() ? tokens_[owner].sessions : 0;
  if (most > 0 && std::ranges::count_if(streams_, same) >= most) {
    throw HttpError(429, "token_limit",
                    base::concat("the ", most, most == 1 ? " stream" : " streams",
                                 " that this token may have at once are here, those that wait "
                                 "among them; try again when one of them has ended"));
  }
  streams_.emplace(stream, Entry{owner});
}

double Admission::used() const {
  double seconds = 0;
  for (const auto& [stream, entry] : streams_) seconds += entry.seconds;
  return share(seconds);
}

double Admission::used_by(Stream stream) const {
  const auto found = streams_.find(stream);
  return found == streams_.end() ? 0 : share(found->second.seconds);
}

double Admission::used_by_owner(Owner owner) const {
  double seconds = 0;
  for (const auto& [stream, entry] : streams_) {
    if (entry.owner == owner) seconds += entry.seconds;
  }
  return share(seconds);
}

void Admission::set(Stream stream, double seconds) {
  const auto found = streams_.find(stream);
  if (found != streams_.end()) found->second.seconds = seconds;
}

void Admission::measured(Stream stream, double seconds) {
  constexpr double kWeight = 0.25;  // of one reading
  const auto found = streams_.find(stream);
  if (found == streams_.end()) return;
  found->second.seconds += kWeight * (seconds - found->second.seconds);
}

Admission::Need Admission::need(Stream stream, const StreamFactory& model,
                                const SessionOptions& options, bool alone) const {
  Need need;
  if (!by_cost()) return need;
  const auto found = streams_.find(stream);
  const Owner owner = found == streams_.end() ? 0 : found->second.owner;
  need.seconds = model.frame_seconds(options);
  need.share = share(need.seconds);
  if (owner < tokens_.size() && tokens_[owner].load < 1) need.allowed = tokens_[owner].load;
  const double own = used_by(stream);
  need.of_token = need.allowed - (alone ? 0 : used_by_owner(owner) - own);
  need.of_device = 1 - (alone ? 0 : used() - own);
  // Where nobody else draws, what streams start with is let in however slow the device is.
  const double start =
      share(model.frame_seconds(model.with_defaults(model.initial_settings().options)));
  if (need.of_device > 1 - kRounding) need.of_device = std::max(1.0, start);
  return need;
}

Admission::Room Admission::room(const Need& need) {
  if (need.share > need.of_token + kRounding) return Room::token_has_none;
  return need.share > need.of_device + kRounding ? Room::device_has_none : Room::enough;
}

Admission::Room Admission::room(Stream stream, const StreamFactory& model,
                                const SessionOptions& options) const {
  return room(need(stream, model, options, false));
}

void Admission::check(Stream stream, const StreamFactory& model, const SessionOptions& options,
                      int status) const {
  check(stream, model, options, status, false);
}

void Admission::check_alone(Stream stream, const StreamFactory& model,
                            const SessionOptions& options) const {
  check(stream, model, options, 409, true);
}

void Admission::check(Stream stream, const StreamFactory& model, const SessionOptions& options,
                      int status, bool alone) const {
  const Need wanted = need(stream, model, options, alone);
  const Room found = room(wanted);
  if (found == Room::enough) return;
  const bool token = found == Room::token_has_none;
  const bool never = token && wanted.share > wanted.allowed + kRounding;
  // What may be taken is more than the whole device where a start alone is.
  const double free = std::clamp(token ? wanted.of_token : wanted.of_device, 0.0, 1.0);
  const Fitting fitting = what_fits(options, model.info().factor, [&](const SessionOptions& less) {
    return room(need(stream, model, less, alone)) == Room::enough;
  });
  const char* whose = never   ? " may be taken with this token: "
                      : token ? " are free of what this token may take: "
                              : " are free: ";
  HttpError refused(
      never   ? 403
      : token ? 429
              : status,
      token ? "token_limit" : "too_much_load",
      base::concat(size_and_steps(options), " takes about ",
                   std::lround(1e4 * wanted.seconds) * 0.1, " ms of the device a frame, ",
                   percent(wanted.share), " of its time for streams at the ", limits_.min_fps,
                   " images a second that each has (--min-fps), and ",
                   percent(never ? wanted.allowed : free), whose, fitting.text(),
                   fitting.steps + fitting.width > 0 ? " would fit" : " fits"));
  refused.add("load", wanted.share);
  refused.add("free_load", free);
  if (fitting.steps > 0) refused.add("fitting_steps", fitting.steps);
  if (fitting.width > 0) refused.add("fitting_width", fitting.width);
  if (fitting.height > 0) refused.add("fitting_height", fitting.height);
  throw refused;
}

}  // namespace streamdiffusion::server

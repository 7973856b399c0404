#include "server/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <map>

namespace streamdiffusion::server {
namespace {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;

const Histogram::BucketBoundaries kSeconds{
    0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.04, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10};

}  // namespace

class Metrics::Impl {
 public:
  prometheus::Registry registry;
  Family<Histogram>& stages = prometheus::BuildHistogram()
                                  .Name("streamdiffusion_stage_seconds")
                                  .Help("Time that an image spent in a stage")
                                  .Register(registry);
  Histogram& queue = stages.Add({{"stage", "queue"}}, kSeconds);
  Histogram& prepare = stages.Add({{"stage", "prepare"}}, kSeconds);
  Histogram& engine = stages.Add({{"stage", "engine"}}, kSeconds);
  Histogram& deliver = stages.Add({{"stage", "deliver"}}, kSeconds);
  Histogram& age = prometheus::BuildHistogram()
                       .Name("streamdiffusion_age_seconds")
                       .Help("Time from a frame's arrival until its image was sent")
                       .Register(registry)
                       .Add({}, kSeconds);
  Family<Counter>& frame_family = prometheus::BuildCounter()
                                      .Name("streamdiffusion_frames_total")
                                      .Help("Frames by outcome")
                                      .Register(registry);
  Family<Counter>& drops = prometheus::BuildCounter()
                               .Name("streamdiffusion_dropped_frames_total")
                               .Help("Dropped frames by cause")
                               .Register(registry);
  Counter& captured = frame_family.Add({{"outcome", "captured"}});
  Counter& processed = frame_family.Add({{"outcome", "processed"}});
  Counter& skipped = frame_family.Add({{"outcome", "skipped"}});
  Counter& failed = frame_family.Add({{"outcome", "failed"}});
  Counter& waiting_drops = drops.Add({{"cause", "waiting"}});
  Counter& prepared_drops = drops.Add({{"cause", "prepared"}});
  Counter& undelivered_drops = drops.Add({{"cause", "undelivered"}});
  Counter& paused_drops = drops.Add({{"cause", "paused"}});
  Counter& stopped_drops = drops.Add({{"cause", "stopped"}});
  Family<Counter>& unet_calls =
      prometheus::BuildCounter()
          .Name("streamdiffusion_unet_calls_total")
          .Help("UNet calls where sessions may share them, by the sessions whose rows they had")
          .Register(registry);
  Counter& calls_of_several = unet_calls.Add({{"sessions", "several"}});
  Counter& calls_of_one = unet_calls.Add({{"sessions", "one"}});
  Family<Counter>& unet_seats = prometheus::BuildCounter()
                                    .Name("streamdiffusion_unet_seats_total")
                                    .Help("Rows of UNet calls over several sessions")
                                    .Register(registry);
  Counter& taken_seats = unet_seats.Add({{"seat", "taken"}});
  Counter& empty_seats = unet_seats.Add({{"seat", "empty"}});
  Counter& unet_sessions = prometheus::BuildCounter()
                               .Name("streamdiffusion_unet_sessions_total")
                               .Help("Sessions of UNet calls over several, summed over the calls")
                               .Register(registry)
                               .Add({});
  Family<Gauge>& session_family = prometheus::BuildGauge()
                                      .Name("streamdiffusion_sessions")
                                      .Help("Active sessions, and clients waiting for a slot")
                                      .Register(registry);
  Gauge& active = session_family.Add({{"state", "active"}});
  Gauge& waiting = session_family.Add({{"state", "waiting"}});
  /// Without --min-fps it stays empty, and is not there.
  Family<Gauge>& load = prometheus::BuildGauge()
                            .Name("streamdiffusion_device_load")
                            .Help("Share of the device that all streams take at --min-fps")
                            .Register(registry);
  Counter& opened = prometheus::BuildCounter()
                        .Name("streamdiffusion_sessions_opened_total")
                        .Help("Sessions opened since the start")
                        .Register(registry)
                        .Add({});
  Gauge& fps =
      prometheus::BuildGauge()
          .Name("streamdiffusion_images_per_second")
          .Help("Images sent per second over the last two seconds, summed over all sessions")
          .Register(registry)
          .Add({});
  Family<Counter>& requests = prometheus::BuildCounter()
                                  .Name("streamdiffusion_http_requests_total")
                                  .Help("HTTP requests by route and status")
                                  .Register(registry);
  Family<Counter>& errors = prometheus::BuildCounter()
                                .Name("streamdiffusion_errors_total")
                                .Help("Errors by code")
                                .Register(registry);
};

Metrics::Metrics() : impl_(std::make_unique<Impl>()) {}
Metrics::~Metrics() = default;

void Metrics::image(const StageTimes& times, bool reused) {
  impl_->queue.Observe(times.queue);
  impl_->prepare.Observe(times.prepare);
  if (!reused) impl_->engine.Observe(times.engine);
}

void Metrics::delivered(double deliver_seconds, double age_seconds) {
  impl_->deliver.Observe(deliver_seconds);
  impl_->age.Observe(age_seconds);
}

void Metrics::frames(const LiveCounters& before, const LiveCounters& now) {
  const auto add = [](Counter& counter, std::uint64_t from, std::uint64_t to) {
    if (to > from) counter.Increment(static_cast<double>(to - from));
  };
  add(impl_->captured, before.captured, now.captured);
  add(impl_->processed, before.processed, now.processed);
  add(impl_->skipped, before.skipped, now.skipped);
  add(impl_->failed, before.failed, now.failed);
  add(impl_->waiting_drops, before.dropped_waiting, now.dropped_waiting);
  add(impl_->prepared_drops, before.dropped_prepared, now.dropped_prepared);
  add(impl_->undelivered_drops, before.dropped_undelivered, now.dropped_undelivered);
  add(impl_->paused_drops, before.dropped_paused, now.dropped_paused);
  add(impl_->stopped_drops, before.dropped_stopped, now.dropped_stopped);
}

void Metrics::shared_calls(const SharedCalls& more) {
  impl_->calls_of_several.Increment(static_cast<double>(more.calls));
  impl_->calls_of_one.Increment(static_cast<double>(more.calls_alone));
  impl_->taken_seats.Increment(static_cast<double>(more.rows));
  impl_->empty_seats.Increment(static_cast<double>(more.empty_seats));
  impl_->unet_sessions.Increment(static_cast<double>(more.sessions));
}

void Metrics::sessions(int active, int waiting) {
  impl_->active.Set(active);
  impl_->waiting.Set(waiting);
}

void Metrics::device_load(double share) {
  impl_->load.Add({}).Set(share);
}

void Metrics::session_opened() {
  impl_->opened.Increment();
}

void Metrics::request(const std::string& route, int status) {
  impl_->requests.Add({{"route", route}, {"status", std::to_string(status)}}).Increment();
}

void Metrics::error(const std::string& code) {
  impl_->errors.Add({{"code", code}}).Increment();
}

void Metrics::fps(double value) {
  impl_->fps.Set(value);
}

std::string Metrics::text() const {
  return prometheus::TextSerializer().Serialize(impl_->registry.Collect());
}

}  // namespace streamdiffusion::server

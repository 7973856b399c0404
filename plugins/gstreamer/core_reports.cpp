// What the element tells the pipeline: frames left out, its latency, and its counts.
#include <algorithm>
#include <cmath>

#include "core.h"

namespace streamdiffusion::gst {

/// A change of the latency by more than this share is told.
constexpr double kLatencyChange = 0.2;

void Core::report_drop(const Entry& entry) {
  ++dropped_;
  discontinuous_ = true;
  const GstClockTime time = GST_BUFFER_PTS(entry.times.get());
  const auto running = stream();
  const bool timed = segment_.format == GST_FORMAT_TIME;
  const GstClockTime none = GST_CLOCK_TIME_NONE;
  GstMessage* message = gst_message_new_qos(
      GST_OBJECT(element_), running && running->may_drop(),
      timed ? gst_segment_to_running_time(&segment_, GST_FORMAT_TIME, time) : none,
      timed ? gst_segment_to_stream_time(&segment_, GST_FORMAT_TIME, time) : none, time,
      GST_BUFFER_DURATION(entry.times.get()));
  gst_message_set_qos_stats(message, GST_FORMAT_BUFFERS, pushed_, dropped_);
  gst_element_post_message(element_, message);
}

/// Of one frame: the slower of the engine and the input.
GstClockTime Core::frame_time(const Stream& running) const {
  const double rate = rate_;
  const double seconds = std::max(running.call_seconds(), rate > 0 ? 1 / rate : 0);
  return static_cast<GstClockTime>(seconds * GST_SECOND);
}

/// A frame leaves with the n - 1 frames behind it, and one may wait in front of it.
GstClockTime Core::latency() const {
  const auto running = stream();
  return running ? (running->steps() + 1) * frame_time(*running) : 0;
}

void Core::report_latency() {
  const GstClockTime now = latency();
  const auto difference = static_cast<double>(now) - static_cast<double>(told_latency_);
  const bool told = told_latency_ != GST_CLOCK_TIME_NONE;
  if (told && std::abs(difference) <= kLatencyChange * static_cast<double>(told_latency_)) return;
  told_latency_ = now;
  gst_element_post_message(element_, gst_message_new_latency(GST_OBJECT(element_)));
}

/// Once a second.
void Core::report_stats() {
  const gint64 now = g_get_monotonic_time();
  const auto running = stream();
  if (now < next_stats_ || !running) return;
  next_stats_ = now + G_USEC_PER_SEC;
  const LiveCounters counters = running->counters();
  const auto number = [](std::uint64_t value) { return static_cast<guint64>(value); };
  GstStructure* stats = gst_structure_new(
      "streamdiffusion-stats", "captured", G_TYPE_UINT64, number(counters.captured), "processed",
      G_TYPE_UINT64, number(counters.processed), "reused", G_TYPE_UINT64, number(counters.skipped),
      "dropped", G_TYPE_UINT64, number(counters.dropped()), "failed", G_TYPE_UINT64,
      number(counters.failed), "engine-seconds", G_TYPE_DOUBLE, running->call_seconds(), nullptr);
  gst_element_post_message(element_, gst_message_new_element(GST_OBJECT(element_), stats));
}

}  // namespace streamdiffusion::gst

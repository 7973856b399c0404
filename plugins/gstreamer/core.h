// What the element does, apart from GObject: its pads' threads, events, queries and messages.
#pragma once

#include <gst/video/video.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <string>

#include "stream.h"

namespace streamdiffusion::gst {

/// Whether frames are dropped where they come faster than they are processed.
enum class Policy { automatic, realtime, lossless };

class Core {
 public:
  /// `element` owns this object; its pads are `sink` and `source`.
  Core(GstElement* element, GstPad* sink, GstPad* source);

  // Properties, from any thread.
  /// Keeps a parameter, or forgets it for an empty value. What a running stream refuses is warned
  /// of, and not kept. What cannot be read before the start is the error of open(), which has
  /// somebody to tell it to, unless the parameter is set again.
  void set(const params::Parameter& row, const GValue& value);
  /// As JSON.
  std::string value_of(const params::Parameter& row) const;
  std::atomic<Policy> policy = Policy::automatic;

  // State changes. open() and those below are called in this order; open() posts an error and
  // returns false where the model cannot be opened.
  bool open();
  void stop();
  void close();

  // Pads.
  GstFlowReturn chain(GstBuffer* buffer);
  gboolean sink_event(GstEvent* event);
  gboolean source_event(GstEvent* event);
  gboolean sink_query(GstQuery* query);
  gboolean source_query(GstQuery* query);
  void activate_source(bool active);

 private:
  std::shared_ptr<Stream> stream() const;
  bool upstream_is_live() const;
  void forget_input();
  /// Throws invalid_argument for what could not be read.
  void check_values() const;
  void start_task();
  void take_one();
  void push(Entry entry);
  void push_event(Event event);
  /// What a flush does not take back of an event that it kept from the source pad.
  void keep(const Event& event);
  void push_image(const Entry& entry);
  bool negotiate(int width, int height);
  GstBuffer* make_buffer(const Entry& entry);
  void report_drop(const Entry& entry);
  void report_latency();
  void report_stats();
  void end_with(GstFlowReturn flow);
  GstClockTime frame_time(const Stream& stream) const;
  GstClockTime latency() const;

  GstElement* element_;
  GstPad *sink_, *source_;
  mutable std::mutex mutex_;
  std::shared_ptr<Stream> stream_;
  Values engine_values_, stream_values_;
  /// Why parameters could not be read before the start.
  Values refused_;
  /// Of the sink pad's thread.
  GstVideoInfo input_{};
  GstSegment input_segment_{};
  bool began_ = false;
  /// What the source pad's peer last said.
  std::atomic<GstFlowReturn> flow_{GST_FLOW_FLUSHING};
  // Of the source pad's thread.
  GstVideoInfo task_input_{}, output_{};
  bool negotiated_ = false, discontinuous_ = false;
  GstBufferPool* pool_ = nullptr;
  GstSegment segment_{};
  guint64 pushed_ = 0, dropped_ = 0;
  GstClockTime told_latency_ = GST_CLOCK_TIME_NONE;
  gint64 next_stats_ = 0;
  /// Of the input, frames a second; read by queries.
  std::atomic<double> rate_{0};
};

}  // namespace streamdiffusion::gst

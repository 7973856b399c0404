#include "core.h"

#include "base/error.h"
#include "properties.h"

GST_DEBUG_CATEGORY_STATIC(streamdiffusion_debug);
#define GST_CAT_DEFAULT streamdiffusion_debug

namespace streamdiffusion::gst {
namespace {

/// Posts warnings, and keeps the element while it can.
Stream::Warn warner(GstElement* element) {
  const std::shared_ptr<GstElement> kept(GST_ELEMENT(gst_object_ref(element)), gst_object_unref);
  return [kept](const std::string& text) {
    GST_ELEMENT_WARNING(kept.get(), STREAM, FAILED, ("%s", text.c_str()), (nullptr));
  };
}

/// Times and flags of a buffer, and what it carries beside its memory.
Buffer without_memory(GstBuffer* buffer) {
  Buffer out(gst_buffer_new());
  gst_buffer_copy_into(
      out.get(), buffer,
      static_cast<GstBufferCopyFlags>(GST_BUFFER_COPY_FLAGS | GST_BUFFER_COPY_TIMESTAMPS |
                                      GST_BUFFER_COPY_META),
      0, static_cast<gsize>(-1));
  return out;
}

/// Metas that say nothing of size or memory go along.
gboolean copy_meta(GstBuffer* from, GstMeta** meta, gpointer to) {
  const gchar* const* tags = gst_meta_api_type_get_tags((*meta)->info->api);
  if (tags != nullptr && tags[0] != nullptr) return TRUE;
  GstMetaTransformCopy copy{FALSE, 0, static_cast<gsize>(-1)};
  if ((*meta)->info->transform_func != nullptr) {
    (*meta)->info->transform_func(static_cast<GstBuffer*>(to), *meta, from,
                                  _gst_meta_transform_copy, &copy);
  }
  return TRUE;
}

}  // namespace

Core::Core(GstElement* element, GstPad* sink, GstPad* source)
    : element_(element), sink_(sink), source_(source) {
  GST_DEBUG_CATEGORY_INIT(streamdiffusion_debug, "streamdiffusion", 0, "real-time diffusion");
  forget_input();
}

/// No caps and no segment: neither has come before the first frame, and none of an earlier run
/// counts. A GstVideoInfo of zeros must not be read.
void Core::forget_input() {
  for (GstVideoInfo* info : {&input_, &task_input_, &output_}) gst_video_info_init(info);
  for (GstSegment* segment : {&segment_, &input_segment_})
    gst_segment_init(segment, GST_FORMAT_UNDEFINED);
}

std::shared_ptr<Stream> Core::stream() const {
  const std::lock_guard lock(mutex_);
  return stream_;
}

bool Core::open() {
  Values engine, values;
  {
    const std::lock_guard lock(mutex_);
    engine = engine_values_;
    values = stream_values_;
  }
  try {
    check_values();
    auto stream = std::make_shared<Stream>(object_of(engine), values, warner(element_));
    const std::lock_guard lock(mutex_);
    stream_ = std::move(stream);
  } catch (const std::exception& error) {
    GST_ELEMENT_ERROR(element_, LIBRARY, INIT, ("%s", error.what()), (nullptr));
    return false;
  }
  began_ = false;
  pushed_ = dropped_ = 0;
  told_latency_ = GST_CLOCK_TIME_NONE;
  return true;
}

void Core::stop() {
  if (const auto running = stream()) running->halt();
}

void Core::close() {
  std::shared_ptr<Stream> ended;
  {
    const std::lock_guard lock(mutex_);
    ended = std::exchange(stream_, nullptr);
  }
  if (pool_ != nullptr) {
    gst_buffer_pool_set_active(pool_, FALSE);
    gst_clear_object(&pool_);
  }
  negotiated_ = false;
  rate_ = 0;
  forget_input();
}

// The sink pad.

bool Core::upstream_is_live() const {
  GstQuery* query = gst_query_new_latency();
  gboolean live = FALSE;
  if (gst_pad_peer_query(sink_, query)) gst_query_parse_latency(query, &live, nullptr, nullptr);
  gst_query_unref(query);
  return live != FALSE;
}

GstFlowReturn Core::chain(GstBuffer* buffer) {
  const Buffer owned(buffer);
  const auto running = stream();
  if (const GstFlowReturn flow = flow_; flow != GST_FLOW_OK) return flow;
  if (!running || GST_VIDEO_INFO_FORMAT(&input_) == GST_VIDEO_FORMAT_UNKNOWN) {
    return GST_FLOW_NOT_NEGOTIATED;
  }
  if (running->queue().ended()) return GST_FLOW_EOS;
  const GstClockTime time =
      input_segment_.format == GST_FORMAT_TIME
          ? gst_segment_to_stream_time(&input_segment_, GST_FORMAT_TIME, GST_BUFFER_PTS(buffer))
          : GST_CLOCK_TIME_NONE;
  if (GST_CLOCK_TIME_IS_VALID(time)) gst_object_sync_values(GST_OBJECT(element_), time);
  auto frame = MappedFrame::map(input_, buffer, GST_MAP_READ);
  if (!frame) {
    GST_ELEMENT_WARNING(element_, STREAM, FORMAT, ("a frame does not have the size of its caps"),
                        (nullptr));
    return GST_FLOW_OK;
  }
  try {
    switch (running->submit(std::move(frame), without_memory(buffer))) {
      case Stream::Taken::yes:
        return GST_FLOW_OK;
      case Stream::Taken::closed:
        return GST_FLOW_FLUSHING;
      case Stream::Taken::failed:
        base::fail(running->failure()->code(), running->failure()->what());
    }
  } catch (const std::exception& error) {
    GST_ELEMENT_ERROR(element_, STREAM, FAILED, ("%s", error.what()), (nullptr));
  }
  return GST_FLOW_ERROR;
}

gboolean Core::sink_event(GstEvent* given) {
  Event event(given);
  const auto running = stream();
  switch (GST_EVENT_TYPE(given)) {
    case GST_EVENT_FLUSH_START: {
      flow_ = GST_FLOW_FLUSHING;
      const gboolean pushed = gst_pad_push_event(source_, event.release());
      if (running) running->halt();
      gst_pad_pause_task(source_);
      return pushed;
    }
    case GST_EVENT_FLUSH_STOP: {
      if (running) {
        for (const Event& left : running->restart()) keep(left);
      }
      gst_segment_init(&segment_, GST_FORMAT_UNDEFINED);
      discontinuous_ = true;
      const gboolean pushed = gst_pad_push_event(source_, event.release());
      start_task();
      return pushed;
    }
    case GST_EVENT_CAPS: {
      GstCaps* caps = nullptr;
      gst_event_parse_caps(given, &caps);
      if (!gst_video_info_from_caps(&input_, caps)) return FALSE;
      const int n = GST_VIDEO_INFO_FPS_N(&input_), d = GST_VIDEO_INFO_FPS_D(&input_);
      rate_ = n > 0 && d > 0 ? static_cast<double>(n) / d : 0;
      if (running && !std::exchange(began_, true)) {
        const Policy asked = policy;
        running->set_may_drop(asked == Policy::realtime ||
                              (asked == Policy::automatic && upstream_is_live()));
      }
      break;
    }
    case GST_EVENT_SEGMENT:
      gst_event_copy_segment(given, &input_segment_);
      break;
    case GST_EVENT_EOS:
      if (running) running->drain();
      break;
    default:
      if (!GST_EVENT_IS_SERIALIZED(given)) return gst_pad_push_event(source_, event.release());
      break;
  }
  if (!running) return FALSE;
  running->queue().enter(std::move(event));
  return TRUE;
}

gboolean Core::sink_query(GstQuery* query) {
  if (GST_QUERY_TYPE(query) != GST_QUERY_ALLOCATION) {
    return gst_pad_query_default(sink_, GST_OBJECT(element_), query);
  }
  gst_query_add_allocation_meta(query, GST_VIDEO_META_API_TYPE, nullptr);
  return TRUE;
}

// The source pad.

void Core::activate_source(bool active) {
  const auto running = stream();
  if (active) {
    if (running) running->queue().open();
    start_task();
    return;
  }
  flow_ = GST_FLOW_FLUSHING;
  if (running) running->halt();
  gst_pad_stop_task(source_);
}

void Core::start_task() {
  flow_ = GST_FLOW_OK;
  gst_pad_start_task(
      source_, [](gpointer core) { static_cast<Core*>(core)->take_one(); }, this, nullptr);
}

void Core::take_one() {
  const auto running = stream();
  std::optional<Entry> entry = running ? running->queue().take() : std::nullopt;
  if (!entry) {
    gst_pad_pause_task(source_);
    return;
  }
  push(std::move(*entry));
}

void Core::push(Entry entry) {
  if (entry.event) return push_event(std::move(entry.event));
  if (entry.state == Entry::State::dropped) return report_drop(entry);
  push_image(entry);
}

void Core::push_event(Event event) {
  switch (GST_EVENT_TYPE(event.get())) {
    case GST_EVENT_CAPS: {
      GstCaps* caps = nullptr;
      gst_event_parse_caps(event.get(), &caps);
      gst_video_info_from_caps(&task_input_, caps);
      const auto running = stream();
      if (running && !negotiate(running->width(), running->height()))
        end_with(GST_FLOW_NOT_NEGOTIATED);
      return;
    }
    case GST_EVENT_SEGMENT:
      gst_event_copy_segment(event.get(), &segment_);
      break;
    default:
      break;
  }
  gst_pad_push_event(source_, event.release());
}

void Core::keep(const Event& event) {
  const GstEventType type = GST_EVENT_TYPE(event.get());
  if (type == GST_EVENT_CAPS) {
    GstCaps* caps = nullptr;
    gst_event_parse_caps(event.get(), &caps);
    gst_video_info_from_caps(&task_input_, caps);
    negotiated_ = false;
  } else if (GST_EVENT_IS_STICKY(event.get()) && type != GST_EVENT_SEGMENT &&
             type != GST_EVENT_EOS) {
    gst_pad_store_sticky_event(source_, event.get());
  }
}

bool Core::negotiate(int width, int height) {
  if (GST_VIDEO_INFO_FORMAT(&task_input_) == GST_VIDEO_FORMAT_UNKNOWN) return false;
  const auto running = stream();
  GstCaps* caps = output_caps(task_input_, width, height, running && running->may_drop(), source_);
  negotiated_ = caps != nullptr && gst_video_info_from_caps(&output_, caps) &&
                gst_pad_push_event(source_, gst_event_new_caps(caps));
  if (negotiated_) {
    if (pool_ != nullptr) gst_buffer_pool_set_active(pool_, FALSE);
    gst_clear_object(&pool_);
    pool_ = gst_video_buffer_pool_new();
    GstStructure* config = gst_buffer_pool_get_config(pool_);
    gst_buffer_pool_config_set_params(config, caps, static_cast<guint>(output_.size), 2, 0);
    gst_buffer_pool_set_config(pool_, config);
    gst_buffer_pool_set_active(pool_, TRUE);
  }
  gst_clear_caps(&caps);
  return negotiated_;
}

GstBuffer* Core::make_buffer(const Entry& entry) {
  GstBuffer* buffer = nullptr;
  if (gst_buffer_pool_acquire_buffer(pool_, &buffer, nullptr) != GST_FLOW_OK) return nullptr;
  {
    const auto mapped = MappedFrame::map(output_, buffer, GST_MAP_WRITE);
    if (!mapped) {
      gst_buffer_unref(buffer);
      return nullptr;
    }
    write(*entry.image, mapped->target());
  }
  gst_buffer_copy_into(
      buffer, entry.times.get(),
      static_cast<GstBufferCopyFlags>(GST_BUFFER_COPY_FLAGS | GST_BUFFER_COPY_TIMESTAMPS), 0,
      static_cast<gsize>(-1));
  gst_buffer_foreach_meta(entry.times.get(), copy_meta, buffer);
  GST_BUFFER_FLAG_UNSET(buffer, GST_BUFFER_FLAG_TAG_MEMORY);
  if (std::exchange(discontinuous_, false)) GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DISCONT);
  return buffer;
}

void Core::push_image(const Entry& entry) {
  const Image& image = *entry.image;
  const bool fits = negotiated_ && image.width == GST_VIDEO_INFO_WIDTH(&output_) &&
                    image.height == GST_VIDEO_INFO_HEIGHT(&output_) &&
                    !gst_pad_check_reconfigure(source_);
  if (!fits && !negotiate(image.width, image.height)) return end_with(GST_FLOW_NOT_NEGOTIATED);
  GstBuffer* buffer = make_buffer(entry);
  if (buffer == nullptr) return end_with(GST_FLOW_ERROR);  // no memory
  const GstFlowReturn flow = gst_pad_push(source_, buffer);
  ++pushed_;
  if (flow != GST_FLOW_OK) return end_with(flow);
  report_latency();
  report_stats();
}

/// The peer takes no more: the sink pad's thread is told with its next frame. A peer that has
/// enough still gets the events, the end among them, and another segment.
void Core::end_with(GstFlowReturn flow) {
  const auto running = stream();
  if (flow == GST_FLOW_EOS && running) return running->queue().end();
  flow_ = flow;
  if (running) running->halt();
  if (flow == GST_FLOW_NOT_LINKED || flow < GST_FLOW_EOS) {
    GST_ELEMENT_FLOW_ERROR(element_, flow);
    gst_pad_push_event(source_, gst_event_new_eos());
  }
  gst_pad_pause_task(source_);
}

gboolean Core::source_event(GstEvent* event) {
  const auto running = stream();
  if (GST_EVENT_TYPE(event) == GST_EVENT_QOS && running && running->may_drop()) {
    gst_event_unref(event);  // the newest frame is used in any case
    return TRUE;
  }
  return gst_pad_push_event(sink_, event);
}

gboolean Core::source_query(GstQuery* query) {
  if (GST_QUERY_TYPE(query) != GST_QUERY_LATENCY) {
    return gst_pad_query_default(source_, GST_OBJECT(element_), query);
  }
  if (!gst_pad_peer_query(sink_, query)) return FALSE;
  gboolean live = FALSE;
  GstClockTime minimum = 0, maximum = 0;
  gst_query_parse_latency(query, &live, &minimum, &maximum);
  const GstClockTime own = latency();
  minimum += own;
  if (GST_CLOCK_TIME_IS_VALID(maximum)) maximum += own;
  gst_query_set_latency(query, live, minimum, maximum);
  return TRUE;
}

}  // namespace streamdiffusion::gst

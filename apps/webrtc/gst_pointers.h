// What GStreamer counts references of, released at the end of its scope.
#pragma once

#include <gst/gst.h>

#include <memory>

namespace streamdiffusion::webrtc {

struct Unref {
  void operator()(GstObject* object) const { gst_object_unref(object); }
  void operator()(GstElement* object) const { gst_object_unref(object); }
  void operator()(GstPad* object) const { gst_object_unref(object); }
  void operator()(GstCaps* caps) const { gst_caps_unref(caps); }
  void operator()(GstSample* sample) const { gst_sample_unref(sample); }
  void operator()(GstPromise* promise) const { gst_promise_unref(promise); }
  void operator()(GError* error) const { g_error_free(error); }
  void operator()(char* text) const { g_free(text); }
};
template <typename T>
using Ref = std::unique_ptr<T, Unref>;

}  // namespace streamdiffusion::webrtc

// Makes and connects elements of GStreamer.
#pragma once

#include <gst/gst.h>

#include <initializer_list>

namespace streamdiffusion::webrtc {

/// Throws not_found where the element is not installed. The pipeline owns it.
GstElement* add_element(GstBin* pipeline, const char* kind);
/// Throws internal.
void link_elements(std::initializer_list<GstElement*> elements);
/// Elements that were added to a running pipeline run too.
void sync_states(GstBin* pipeline);

}  // namespace streamdiffusion::webrtc

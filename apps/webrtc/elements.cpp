#include "elements.h"

#include "base/error.h"

namespace streamdiffusion::webrtc {

GstElement* add_element(GstBin* pipeline, const char* kind) {
  GstElement* element = gst_element_factory_make(kind, nullptr);
  base::require(element != nullptr, ErrorCode::not_found, "GStreamer's element ", kind,
                " is not installed");
  gst_bin_add(pipeline, element);
  return element;
}

void link_elements(std::initializer_list<GstElement*> elements) {
  GstElement* before = nullptr;
  for (GstElement* element : elements) {
    base::require(before == nullptr || gst_element_link(before, element) != 0, ErrorCode::internal,
                  "two elements of GStreamer do not fit together");
    before = element;
  }
}

void sync_states(GstBin* pipeline) {
  GstIterator* all = gst_bin_iterate_elements(pipeline);
  gst_iterator_foreach(
      all,
      [](const GValue* item, gpointer) {
        gst_element_sync_state_with_parent(GST_ELEMENT(g_value_get_object(item)));
      },
      nullptr);
  gst_iterator_free(all);
}

}  // namespace streamdiffusion::webrtc

// The plugin: one element.
#include <gst/gst.h>

#include "element.h"

#define PACKAGE "streamdiffusion"

static gboolean plugin_init(GstPlugin* plugin) {
  return gst_element_register(plugin, "streamdiffusion", GST_RANK_NONE,
                              gst_streamdiffusion_get_type());
}

GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, streamdiffusion,
                  "Real-time diffusion: images of a model, from video", plugin_init, SD_VERSION,
                  "Apache 2.0", "StreamDiffusion", "https://arxiv.org/abs/2312.12491")

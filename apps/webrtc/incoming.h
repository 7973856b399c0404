// From the client's RTP packets to images for the server.
#pragma once

#include <gst/gst.h>

#include "link.h"
#include "webrtc/offer.h"

namespace streamdiffusion::webrtc {

/// Adds depayloader, decoder and sink to the pipeline, behind this source pad of webrtcbin. Every
/// decoded image is sent over the link. Throws not_found where the decoder is not installed.
void add_incoming(GstBin* pipeline, GstPad* source, Codec codec, Link& link);

/// Takes what comes from the pad and does nothing with it.
void drop_incoming(GstBin* pipeline, GstPad* source);

}  // namespace streamdiffusion::webrtc

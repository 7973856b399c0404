// What has to be known about single decoders of libavcodec.
#pragma once

#include "media/av.h"

namespace streamdiffusion::media {

/// VP8 and VP9 keep transparency in a second stream, which only libvpx decodes; null for others.
const AVCodec* alpha_decoder(const AVStream& stream);

/// True for an open decoder that keeps frames back, to give them in the order of their times.
bool reorders(const AVCodecContext& decoder);
/// True for one that takes further packets before it gives the frame of one: it reorders them, or
/// decodes several at once.
bool reads_ahead(const AVCodecContext& decoder);

/// True for codecs whose frames refer to no others: each can be decoded, wherever a stream begins.
bool stands_alone(AVCodecID codec);

/// True for decoders that mark the frames in which they have repaired damage.
bool marks_damage(AVCodecID codec);

}  // namespace streamdiffusion::media

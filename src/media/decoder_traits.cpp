#include "media/decoder_traits.h"

#include <algorithm>
#include <iterator>
#include <string_view>

namespace streamdiffusion::media {

const AVCodec* alpha_decoder(const AVStream& stream) {
  const AVDictionaryEntry* mode = av_dict_get(stream.metadata, "alpha_mode", nullptr, 0);
  if (mode == nullptr || std::string_view(mode->value) != "1") return nullptr;
  const AVCodecID codec = stream.codecpar->codec_id;
  if (codec == AV_CODEC_ID_VP8) return avcodec_find_decoder_by_name("libvpx");
  return codec == AV_CODEC_ID_VP9 ? avcodec_find_decoder_by_name("libvpx-vp9") : nullptr;
}

bool reorders(const AVCodecContext& decoder) {
  return decoder.has_b_frames > 0 ||
         (decoder.codec->capabilities & AV_CODEC_CAP_OTHER_THREADS) != 0;
}

bool reads_ahead(const AVCodecContext& decoder) {
  return reorders(decoder) || (decoder.active_thread_type & FF_THREAD_FRAME) != 0;
}

bool stands_alone(AVCodecID codec) {
  const AVCodecDescriptor* descriptor = avcodec_descriptor_get(codec);
  if (descriptor == nullptr || codec == AV_CODEC_ID_APNG || codec == AV_CODEC_ID_GIF) return false;
  const char* const* types = descriptor->mime_types;
  const bool image = types != nullptr && std::string_view(types[0]).starts_with("image/");
  return image || (descriptor->props & AV_CODEC_PROP_INTRA_ONLY) != 0;
}

bool marks_damage(AVCodecID codec) {
  constexpr AVCodecID kMarking[]{AV_CODEC_ID_H264,  AV_CODEC_ID_MPEG1VIDEO, AV_CODEC_ID_MPEG2VIDEO,
                                 AV_CODEC_ID_MPEG4, AV_CODEC_ID_H263,       AV_CODEC_ID_FLV1,
                                 AV_CODEC_ID_VC1,   AV_CODEC_ID_WMV3};
  return std::find(std::begin(kMarking), std::end(kMarking), codec) != std::end(kMarking);
}

}  // namespace streamdiffusion::media

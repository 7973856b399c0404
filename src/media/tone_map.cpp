// libavfilter's zscale (zimg) and tonemap, the usual chain. Light is kept as it is up to 70 nits,
// 0.7 of SDR's white; what is brighter is compressed.
#include "media/tone_map.h"

extern "C" {
#include <libavfilter/avfilter.h>
#include <libavutil/pixdesc.h>
}

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "media/filter_graph.h"

namespace streamdiffusion::media {
namespace {

/// Nits of SDR's white (BT.2408 grades SDR for 100).
constexpr int kSdrWhite = 100;
/// Peak of HDR masters, in units of SDR's white: 1000 nits.
constexpr int kPeak = 10;
/// Where the compression of highlights begins, in units of SDR's white.
constexpr double kKnee = 0.7;

bool is_hdr(int transfer) {
  return transfer == AVCOL_TRC_SMPTE2084 || transfer == AVCOL_TRC_ARIB_STD_B67;
}

bool is_wide(int primaries) {
  return primaries == AVCOL_PRI_BT2020 || primaries == AVCOL_PRI_SMPTE431 ||
         primaries == AVCOL_PRI_SMPTE432;
}

bool has_alpha(int format) {
  const AVPixFmtDescriptor* pixels = av_pix_fmt_desc_get(static_cast<AVPixelFormat>(format));
  return pixels != nullptr && (pixels->flags & AV_PIX_FMT_FLAG_ALPHA) != 0;
}

bool is_rgb(int format) {
  const AVPixFmtDescriptor* pixels = av_pix_fmt_desc_get(static_cast<AVPixelFormat>(format));
  return pixels != nullptr && (pixels->flags & AV_PIX_FMT_FLAG_RGB) != 0;
}

}  // namespace

/// Decoders pass on numbers of a file for which the enumeration has no name; to read such a value
/// is undefined.
template <typename Enum>
static void forget_unknown(Enum& value, Enum end, Enum unspecified) {
  int number = 0;
  static_assert(sizeof number == sizeof value);
  std::memcpy(&number, &value, sizeof number);
  if (number < 0 || number >= static_cast<int>(end)) value = unspecified;
}

void forget_unknown_colors(AVFrame& frame) {
  forget_unknown(frame.color_primaries, AVCOL_PRI_NB, AVCOL_PRI_UNSPECIFIED);
  forget_unknown(frame.color_trc, AVCOL_TRC_NB, AVCOL_TRC_UNSPECIFIED);
  forget_unknown(frame.colorspace, AVCOL_SPC_NB, AVCOL_SPC_UNSPECIFIED);
  forget_unknown(frame.color_range, AVCOL_RANGE_NB, AVCOL_RANGE_UNSPECIFIED);
}

std::string color_conversion(const AVFrame& frame) {
  if (frame.color_trc == AVCOL_TRC_SMPTE2084) return "HDR (PQ)";
  if (frame.color_trc == AVCOL_TRC_ARIB_STD_B67) return "HDR (HLG)";
  return is_wide(frame.color_primaries) ? "wide-gamut" : "";
}

void ToneMap::build(const Key& key) {
  const std::string to_linear = base::concat(
      "zscale=tin=", key.transfer, ":pin=", key.primaries, ":min=", key.space,
      ":rin=", key.range == AVCOL_RANGE_JPEG ? "full" : "limited", ":t=linear:npl=", kSdrWhite);
  const std::string linear = has_alpha(key.format) ? "format=gbrapf32le" : "format=gbrpf32le";
  const std::string map = is_hdr(key.transfer) ? base::concat(",tonemap=mobius:param=", kKnee,
                                                              ":peak=", kPeak, ":desat=0")
                                               : std::string();
  const std::string out =
      has_alpha(key.format) ? "format=gbrap,format=rgba" : "format=gbrp,format=rgb24";
  const std::string graph = base::concat("[in]", to_linear, ",", linear, ",zscale=p=bt709", map,
                                         ",zscale=t=bt709:m=gbr:r=full,", out, "[out]");
  const std::string source =
      base::concat("video_size=", key.width, "x", key.height, ":pix_fmt=", key.format,
                   ":time_base=1/1000:pixel_aspect=1/1");
  graph_ = build_graph(graph, source, in_, out_);
  key_ = key;
}

AvFrame ToneMap::operator()(const AVFrame& frame) {
  AvFrame input(av_frame_clone(&frame));
  if (!input) throw std::bad_alloc();
  const bool hdr = is_hdr(frame.color_trc);
  // What a file leaves out is what its kind usually has.
  if (input->color_primaries == AVCOL_PRI_UNSPECIFIED) input->color_primaries = AVCOL_PRI_BT2020;
  if (!hdr && input->color_trc == AVCOL_TRC_UNSPECIFIED) input->color_trc = AVCOL_TRC_BT709;
  if (is_rgb(frame.format)) {
    input->colorspace = AVCOL_SPC_RGB;
  } else if (input->colorspace == AVCOL_SPC_UNSPECIFIED) {
    input->colorspace =
        input->color_primaries == AVCOL_PRI_BT2020 ? AVCOL_SPC_BT2020_NCL : AVCOL_SPC_BT709;
  }
  if (input->color_range == AVCOL_RANGE_UNSPECIFIED) {
    input->color_range = is_rgb(frame.format) ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
  }
  const Key key{frame.width,       frame.height,           frame.format,
                input->color_trc,  input->color_primaries, input->colorspace,
                input->color_range};
  if (!graph_ || !(key == key_)) build(key);
  input->pts = 0;
  std::vector<AvFrame> ready = push_frame(in_, out_, input.get());
  base::require(ready.size() == 1, base::ErrorCode::unsupported,
                "the frame's colors cannot be converted");
  return std::move(ready.front());
}

}  // namespace streamdiffusion::media

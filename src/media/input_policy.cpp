// The tables of the formats that open other files, and of the protocols that each scheme needs.
#include "media/input_policy.h"

#include "base/lower_case.h"

extern "C" {
#include <libavformat/avformat.h>
}

#include <algorithm>
#include <sstream>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/join.h"

namespace streamdiffusion::media {
namespace {

/// A format whose files name others.
struct ReferenceFormat {
  const char* demuxer;
  /// What a message calls it.
  const char* what;
  std::vector<std::string_view> extensions;
  /// Web servers offer it, and its parts are on web servers too.
  bool web;
};
const std::vector<ReferenceFormat>& reference_formats() {
  static const std::vector<ReferenceFormat> formats{
      {"concat", "a list of files (concat)", {".ffconcat", ".concat"}, false},
      {"hls", "a playlist (hls)", {".m3u8", ".m3u"}, true},
      {"dash", "a manifest (dash)", {".mpd"}, true},
      {"sdp", "a session description (sdp)", {".sdp"}, false},
      {"imf", "a composition (imf)", {".xml"}, false}};
  return formats;
}

struct Scheme {
  const char* name;
  const char* protocols;
};
constexpr const char* kWeb = "http,https,tls,tcp,httpproxy,crypto,data";
constexpr const char* kRtsp = "rtsp,rtsps,rtp,srtp,udp,tcp,tls,http,https,httpproxy";
constexpr const char* kRtmp =
    "rtmp,rtmps,rtmpt,rtmpts,rtmpe,rtmpte,ffrtmpcrypt,ffrtmphttp,tcp,tls,http,https,httpproxy";
constexpr Scheme kSchemes[]{
    {"http", kWeb},   {"https", kWeb}, {"rtsp", kRtsp}, {"rtsps", kRtsp}, {"rtmp", kRtmp},
    {"rtmps", kRtmp}, {"srt", "srt"},  {"udp", "udp"},  {"tcp", "tcp"},   {"rtp", "rtp,srtp,udp"}};

/// In lower case, without what follows "?" or "#" in an address.
std::string path_of(std::string name) {
  if (name.find("://") != std::string::npos)
    name.erase(std::min(name.find_first_of("?#"), name.size()));
  return base::lower_case(std::move(name));
}

bool has_extension_of(const std::string& path, const ReferenceFormat& format) {
  return std::any_of(format.extensions.begin(), format.extensions.end(),
                     [&](std::string_view extension) { return path.ends_with(extension); });
}

/// The row of a demuxer, whose name may be a list of synonyms ("hls,applehttp"); null if its files
/// stand alone.
const ReferenceFormat* reference_format(std::string_view demuxer) {
  for (const ReferenceFormat& format : reference_formats()) {
    if (demuxer.substr(0, demuxer.find(',')) == format.demuxer) return &format;
  }
  return nullptr;
}

}  // namespace

std::string allowed_formats(const std::string& name, bool web) {
  const std::string path = path_of(name);
  std::string list;
  void* position = nullptr;
  while (const AVInputFormat* demuxer = av_demuxer_iterate(&position)) {
    const ReferenceFormat* reference = reference_format(demuxer->name);
    if (reference != nullptr && !(web && reference->web) && !has_extension_of(path, *reference)) {
      continue;
    }
    list += (list.empty() ? "" : ",") + std::string(demuxer->name);
  }
  return list;
}

std::string protocols_of_scheme(const std::string& scheme) {
  for (const Scheme& known : kSchemes) {
    if (scheme == known.name) return known.protocols;
  }
  return {};
}

std::string known_schemes() {
  return base::joined(kSchemes, [](const Scheme& scheme) { return std::string(scheme.name); });
}

bool names_others(const std::string& name) {
  return std::ranges::any_of(reference_formats(), [&](const ReferenceFormat& format) {
    return has_extension_of(path_of(name), format);
  });
}

void check_protocols(const std::string& list) {
  std::vector<std::string> known;
  void* position = nullptr;
  while (const char* name = avio_enum_protocols(&position, 0)) known.emplace_back(name);
  std::istringstream names(list);
  for (std::string name; std::getline(names, name, ',');) {
    base::require(std::ranges::find(known, name) != known.end(), ErrorCode::invalid_argument,
                  "--input-protocols is \"", list, "\": there is no protocol \"", name,
                  "\", expected some of ", base::joined(known));
  }
}

std::string refused_format(const std::string& input, const std::string& format) {
  const ReferenceFormat* reference = reference_format(format);
  if (reference == nullptr) return base::concat(input, ": is not an input of a kind that is read");
  return base::concat(input, ": is ", reference->what,
                      ", which opens other files or addresses; that is done only for an input "
                      "whose name says so: save it as FILE",
                      reference->extensions.front(), " and give that name");
}

std::string refused_protocol(const std::string& input, const std::string& protocol) {
  return base::concat(input, ": asks for the protocol \"", protocol,
                      "\", which this kind of input may not use; if you trust it, allow it with "
                      "--input-protocols ",
                      protocol);
}

}  // namespace streamdiffusion::media

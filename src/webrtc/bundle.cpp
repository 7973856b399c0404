#include "webrtc/bundle.h"

#include <algorithm>
#include <array>
#include <vector>

namespace streamdiffusion::webrtc {
namespace {

/// What describes the transport, beside its candidates.
constexpr std::array<std::string_view, 2> kTransport{"a=ice-ufrag:", "a=ice-pwd:"};
constexpr std::string_view kBundle = "a=group:BUNDLE", kMid = "a=mid:", kCandidate = "a=candidate:";

std::vector<std::string_view> lines_of(std::string_view sdp) {
  std::vector<std::string_view> lines;
  while (!sdp.empty()) {
    const auto end = sdp.find('\n');
    std::string_view line = sdp.substr(0, end);
    sdp.remove_prefix(end == std::string_view::npos ? sdp.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!line.empty()) lines.push_back(line);
  }
  return lines;
}

/// Which of the media lines are in the bundle.
std::vector<bool> find_bundled(const std::vector<std::string_view>& lines) {
  std::string bundle;
  std::vector<bool> bundled;
  for (const std::string_view line : lines) {
    if (line.starts_with(kBundle)) bundle = std::string(line.substr(kBundle.size())) + ' ';
    if (line.starts_with("m=")) bundled.push_back(false);
    if (!line.starts_with(kMid) || bundled.empty()) continue;
    const std::string mid = ' ' + std::string(line.substr(kMid.size())) + ' ';
    bundled.back() = bundle.find(mid) != std::string::npos;
  }
  return bundled;
}

}  // namespace

std::string with_one_transport(std::string_view sdp) {
  const std::vector<std::string_view> lines = lines_of(sdp);
  const std::vector<bool> bundled = find_bundled(lines);
  const auto first = std::ranges::find(bundled, true) - bundled.begin();
  std::array<std::string_view, kTransport.size()> transport;
  std::string out;
  std::ptrdiff_t media = -1;
  for (std::string_view line : lines) {
    if (line.starts_with("m=")) ++media;
    const bool later = media > first && bundled[static_cast<std::size_t>(media)];
    if (later && line.starts_with(kCandidate)) continue;
    for (std::size_t i = 0; i < kTransport.size(); ++i) {
      if (!line.starts_with(kTransport[i])) continue;
      if (media == first) transport[i] = line;
      if (later && !transport[i].empty()) line = transport[i];
    }
    out.append(line).append("\r\n");
  }
  return out;
}

}  // namespace streamdiffusion::webrtc

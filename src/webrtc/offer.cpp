#include "webrtc/offer.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/parse_number.h"

namespace streamdiffusion::webrtc {
namespace {

constexpr int kMaxMediaLines = 4;
constexpr std::size_t kMaxLineBytes = 2048, kMaxLines = 1024;
constexpr std::string_view kTransportCc =
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";

/// One media line and what follows it, or what precedes the first one.
struct Section {
  std::string_view media;
  std::vector<std::string_view> attributes;

  /// What follows "NAME:" in the first attribute of that name, or nothing.
  std::optional<std::string_view> find(std::string_view name) const {
    for (const std::string_view line : attributes) {
      if (line.starts_with(name) && line.size() > name.size() && line[name.size()] == ':') {
        return line.substr(name.size() + 1);
      }
    }
    return std::nullopt;
  }
  bool has(std::string_view flag) const {
    return std::ranges::find(attributes, flag) != attributes.end();
  }
};

std::optional<int> read_number(std::string_view text, int most) {
  const auto value = base::parse_number<int>(text);
  return value && *value >= 0 && *value <= most ? value : std::nullopt;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const auto end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::string_view without_spaces(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

bool is_same_word(std::string_view a, std::string_view lower) {
  return std::ranges::equal(a, lower, [](char x, char y) {
    return (x >= 'A' && x <= 'Z' ? static_cast<char>(x + 32) : x) == y;
  });
}

/// Throws for a line that is not "LETTER=TEXT" in printable characters.
void check_line(std::string_view line, std::size_t number) {
  const bool printable = std::ranges::none_of(
      line, [](char c) { return static_cast<unsigned char>(c) < 32 || c == 127; });
  base::require(line.size() >= 2 && line.size() <= kMaxLineBytes && line[0] >= 'a' &&
                    line[0] <= 'z' && line[1] == '=' && printable,
                ErrorCode::invalid_argument, "line ", number, " of the offer has ", line.size(),
                " bytes, expected a letter, =, and at most ", kMaxLineBytes,
                " bytes without control characters");
}

std::vector<Section> read_sections(std::string_view sdp) {
  base::require(sdp.size() <= kMaxOfferBytes, ErrorCode::invalid_argument, "the offer has ",
                sdp.size(), " bytes, expected at most ", kMaxOfferBytes);
  base::require(sdp.starts_with("v=0"), ErrorCode::invalid_argument,
                "the body is no SDP: it does not begin with v=0");
  std::vector<Section> sections(1);
  std::size_t number = 0;
  for (std::string_view line : split(sdp, '\n')) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    base::require(++number <= kMaxLines, ErrorCode::invalid_argument, "the offer has more than ",
                  kMaxLines, " lines");
    if (line.empty()) continue;
    check_line(line, number);
    const std::string_view value = line.substr(2);
    if (line[0] == 'm') {
      sections.push_back({value, {}});
      base::require(sections.size() <= kMaxMediaLines + 1, ErrorCode::unsupported,
                    "the offer has more than ", kMaxMediaLines, " media lines");
    } else if (line[0] == 'a') {
      sections.back().attributes.push_back(value);
    }
  }
  return sections;
}

/// A payload type of a section: what its rtpmap and its fmtp say.
struct Payload {
  int type = 0;
  Codec codec = Codec::vp8;
  std::vector<std::pair<std::string, std::string>> format;
};

std::vector<std::pair<std::string, std::string>> read_format(const Section& section,
                                                             std::string_view type) {
  std::vector<std::pair<std::string, std::string>> format;
  for (const std::string_view line : section.attributes) {
    if (!line.starts_with("fmtp:") || line.substr(5, line.find(' ') - 5) != type) continue;
    if (line.find(' ') == std::string_view::npos) continue;
    for (const std::string_view part : split(line.substr(line.find(' ') + 1), ';')) {
      const auto equals = part.find('=');
      if (equals == std::string_view::npos) continue;
      format.emplace_back(without_spaces(part.substr(0, equals)),
                          without_spaces(part.substr(equals + 1)));
    }
  }
  return format;
}

std::optional<Payload> read_payload(const Section& section, std::string_view type) {
  const auto number = read_number(type, 127);
  base::require(number.has_value(), ErrorCode::invalid_argument,
                "the video line of the offer has the payload type \"", type,
                "\", expected 0 to 127");
  for (const std::string_view line : section.attributes) {
    if (!line.starts_with("rtpmap:")) continue;
    const std::string_view map = line.substr(7);
    const auto space = map.find(' ');
    if (space == std::string_view::npos || map.substr(0, space) != type) continue;
    const std::string_view encoding = map.substr(space + 1);
    if (is_same_word(encoding, "vp8/90000")) return Payload{*number, Codec::vp8, {}};
    if (!is_same_word(encoding, "h264/90000")) return std::nullopt;
    Payload payload{*number, Codec::h264, read_format(section, type)};
    // Other packets than these are not put together.
    const bool fragments = std::ranges::any_of(payload.format, [](const auto& parameter) {
      return parameter.first == "packetization-mode" && parameter.second == "1";
    });
    if (fragments) return payload;
    return std::nullopt;
  }
  return std::nullopt;
}

/// VP8, wherever the client lists it; else H.264, which some programs send alone.
Payload choose_payload(const Section& section, Role role) {
  std::optional<Payload> chosen;
  const auto words = split(section.media, ' ');
  for (std::size_t i = 3; i < words.size(); ++i) {
    const auto payload = read_payload(section, words[i]);
    if (payload && (!chosen || (chosen->codec != Codec::vp8 && payload->codec == Codec::vp8))) {
      chosen = payload;
    }
  }
  base::require(chosen && (chosen->codec == Codec::vp8 || role == Role::send),
                ErrorCode::unsupported, "the offer's video has no ",
                role == Role::send ? "VP8 or H.264 (packetization-mode 1)" : "VP8");
  return *chosen;
}

std::string_view direction_of(const Section& section, const Section& session) {
  constexpr std::array<std::string_view, 4> all{"sendrecv", "sendonly", "recvonly", "inactive"};
  for (const Section* where : {&section, &session}) {
    for (const std::string_view direction : all) {
      if (where->has(direction)) return direction;
    }
  }
  return "sendrecv";
}

void check_direction(std::string_view direction, Role role) {
  const bool both = direction == "sendrecv";
  const bool exchange = role == Role::exchange || role == Role::beside;
  const bool fits = exchange             ? both
                    : role == Role::send ? both || direction == "sendonly"
                                         : both || direction == "recvonly";
  base::require(fits, ErrorCode::unsupported, "the offer's video is ", direction, ", expected ",
                exchange             ? "sendrecv"
                : role == Role::send ? "sendonly"
                                     : "recvonly");
}

/// What a connection cannot be made without (RFC 8839 and RFC 8122).
void check_connection(const Section& section, const Section& session) {
  for (const std::string_view name : {"ice-ufrag", "ice-pwd", "fingerprint"}) {
    const bool there = section.find(name).has_value() || session.find(name).has_value();
    base::require(there, ErrorCode::invalid_argument, "the offer has no a=", name,
                  ", which a connection needs");
  }
}

std::optional<int> find_transport_cc(const Section& section) {
  for (const std::string_view line : section.attributes) {
    if (!line.starts_with("extmap:") || !line.ends_with(kTransportCc)) continue;
    const std::string_view id = line.substr(7, line.find_first_of(" /") - 7);
    if (const auto number = read_number(id, 255); number && *number > 0) return number;
  }
  return std::nullopt;
}

}  // namespace

const char* to_string(Role role) {
  switch (role) {
    case Role::exchange:
      return "exchange";
    case Role::send:
      return "send";
    case Role::receive:
      return "receive";
    case Role::beside:
      return "beside";
  }
  return "?";
}

const char* to_string(Codec codec) {
  return codec == Codec::vp8 ? "VP8" : "H264";
}

Offer read_offer(std::string_view sdp, Role role) {
  const std::vector<Section> sections = read_sections(sdp);
  Offer offer;
  offer.lines = static_cast<int>(sections.size()) - 1;
  const Section* video = nullptr;
  for (std::size_t i = 1; i < sections.size(); ++i) {
    const std::string_view media = sections[i].media;
    const bool refused = media.substr(0, media.find(' ') + 3).ends_with(" 0 ");
    if (media.starts_with("video ") && !refused) {
      base::require(video == nullptr, ErrorCode::unsupported,
                    "the offer has two video lines, expected one");
      video = &sections[i];
      offer.video_line = static_cast<int>(i) - 1;
    }
    // Also as programs wrote it before RFC 8841: "application 9 DTLS/SCTP 5000".
    offer.data_channel |=
        media.starts_with("application ") && media.find("DTLS/SCTP ") != std::string_view::npos;
  }
  base::require(video != nullptr, ErrorCode::unsupported, "the offer has no video line");
  check_direction(direction_of(*video, sections[0]), role);
  check_connection(*video, sections[0]);
  Payload payload = choose_payload(*video, role);
  offer.codec = payload.codec;
  offer.payload_type = payload.type;
  offer.format = std::move(payload.format);
  offer.sends_again = video->has(base::concat("rtcp-fb:", payload.type, " nack"));
  offer.transport_cc = find_transport_cc(*video);
  return offer;
}

}  // namespace streamdiffusion::webrtc

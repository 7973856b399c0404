#include "media/film.h"

namespace streamdiffusion::media {
namespace {

std::string number(std::uint64_t value, int bytes) {
  std::string text;
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
    text += static_cast<char>(value >> static_cast<unsigned>(shift) & 0xffU);
  return text;
}
std::string n16(std::uint64_t value) {
  return number(value, 2);
}

constexpr int kScale = 100;
constexpr int kSampleBytes = kSide * kSide * 3;
const std::string kMatrix = n32(0x10000) + n32(0) + n32(0) + n32(0) + n32(0x10000) + n32(0) +
                            n32(0) + n32(0) + n32(1U << 30U);

/// Every tenth sample is a key frame, where `keys` asks for it; otherwise all are.
std::string sample_tables(std::uint64_t data, bool keys) {
  const std::string entry = std::string(6, '\0') + n16(1) + std::string(16, '\0') + n16(kSide) +
                            n16(kSide) + n32(0x480000) + n32(0x480000) + n32(0) + n16(1) +
                            std::string(32, '\0') + n16(24) + n16(0xffff);
  std::string sync = n32(0) + n32(kSamples / 10);
  for (int i = 0; i < kSamples; i += 10) sync += n32(static_cast<std::uint64_t>(i) + 1);
  return box("stsd", n32(0) + n32(1) + box("raw ", entry)) +
         box("stts", n32(0) + n32(1) + n32(kSamples) + n32(kDelta)) +
         (keys ? box("stss", sync) : "") +
         box("stsc", n32(0) + n32(1) + n32(1) + n32(kSamples) + n32(1)) +
         box("stsz", n32(0) + n32(kSampleBytes) + n32(kSamples)) +
         box("stco", n32(0) + n32(1) + n32(data));
}

}  // namespace

std::string n32(std::uint64_t value) {
  return number(value, 4);
}

std::string box(const std::string& type, const std::string& content) {
  return n32(content.size() + 8) + type + content;
}

std::string elst(const Edits& edits) {
  std::string table = n32(0) + n32(edits.size());
  for (const auto& [start, length] : edits) table += n32(length) + n32(start) + n32(0x10000);
  return box("elst", table);
}

std::string film(const std::string& edits, bool keys, bool header_first) {
  const std::string head = box("ftyp", "qt  " + n32(0) + "qt  ");
  std::string pixels;
  for (int i = 0; i < kSamples; ++i) pixels += std::string(kSampleBytes, static_cast<char>(i));
  const std::string length = n32(kSamples * kDelta), times = n32(0) + n32(0) + n32(0);
  const std::string mvhd =
      box("mvhd", times + n32(kScale) + length + n32(0x10000) + n16(0x100) + std::string(10, '\0') +
                      kMatrix + std::string(24, '\0') + n32(2));
  const std::string tkhd =
      box("tkhd", n32(3) + n32(0) + n32(0) + n32(1) + n32(0) + length + std::string(16, '\0') +
                      kMatrix + n32(kSide << 16) + n32(kSide << 16));
  const std::string mdhd = box("mdhd", times + n32(kScale) + length + n16(0) + n16(0));
  const std::string hdlr = box("hdlr", n32(0) + "mhlrvide" + std::string(13, '\0'));
  const std::string dinf = box("dinf", box("dref", n32(0) + n32(1) + box("url ", n32(1))));
  const auto header = [&](std::uint64_t data) {
    const std::string minf = box("minf", box("vmhd", n32(1) + std::string(8, '\0')) + dinf +
                                             box("stbl", sample_tables(data, keys)));
    const std::string track = box(
        "trak", tkhd + (edits.empty() ? "" : box("edts", edits)) + box("mdia", mdhd + hdlr + minf));
    return box("moov", mvhd + track);
  };
  if (!header_first) return head + box("mdat", pixels) + header(head.size() + 8);
  return head + header(head.size() + header(0).size() + 8) + box("mdat", pixels);
}

}  // namespace streamdiffusion::media

#include "media/mp4_boxes.h"

#include <algorithm>

namespace streamdiffusion::media {
namespace {

/// Of one table. What a longer one says is not known, and the worst is assumed.
constexpr std::uint64_t kMaxTableBytes = std::uint64_t{16} << 20U;
/// In one box.
constexpr int kMaxBoxes = 4096;

}  // namespace

std::uint64_t Mp4Table::number(std::size_t offset, std::size_t size) const {
  std::uint64_t value = 0;
  for (std::size_t i = offset; i < offset + size; ++i) {
    value = value << 8U | (i < bytes_.size() ? std::to_integer<std::uint64_t>(bytes_[i]) : 0);
  }
  return value;
}

Mp4Table Mp4File::bytes(std::uint64_t begin, std::uint64_t end) const {
  std::vector<std::byte> out(end - begin);
  read_(begin, out);
  return Mp4Table(std::move(out));
}

std::optional<Mp4Box> Mp4File::find(const Mp4Box& parent, std::string_view name) const {
  std::optional<Mp4Box> found;
  visit(parent, [&](const Mp4Box& box) {
    if (box.is(name)) found = box;
    return !found;
  });
  return found;
}

void Mp4File::visit(const Mp4Box& parent, const std::function<bool(const Mp4Box&)>& next) const {
  std::uint64_t at = parent.begin;
  for (int i = 0; i < kMaxBoxes && parent.end - at >= 8; ++i) {
    const Mp4Table head = bytes(at, std::min(at + 16, parent.end));
    std::uint64_t length = head.number(0, 4), header = 8;
    if (length == 0) length = parent.end - at;
    if (length == 1) length = head.number(8, 8), header = 16;
    if (length < header || length > parent.end - at) return;
    Mp4Box box{{}, at + header, at + length};
    for (std::size_t k = 0; k < 4; ++k) {
      box.type[k] = static_cast<char>(head.number(4 + k, 1));
    }
    if (!next(box)) return;
    at += length;
  }
}

Mp4Table Mp4File::table(const Mp4Box& parent, std::initializer_list<std::string_view> path) const {
  std::optional<Mp4Box> box = parent;
  for (const std::string_view name : path) {
    if (box) box = find(*box, name);
  }
  return box ? content(*box) : Mp4Table();
}

Mp4Table Mp4File::content(const Mp4Box& box) const {
  Mp4Table table = bytes(box.begin, std::min(box.end, box.begin + kMaxTableBytes));
  table.too_long = box.end - box.begin > kMaxTableBytes;
  return table;
}

std::optional<std::uint64_t> end_of_data_before_index(const Mp4File& file) {
  std::optional<std::uint64_t> end;
  file.visit(file.whole(), [&](const Mp4Box& box) {
    if (box.is("mdat")) end = box.end;
    return !end && !box.is("moov") && !box.is("moof");
  });
  return end;
}

std::set<int> chapter_tracks(const Mp4File& file) {
  std::set<int> tracks;
  const auto index = file.find(file.whole(), "moov");
  if (!index) return tracks;
  file.visit(*index, [&](const Mp4Box& track) {
    if (!track.is("trak")) return true;
    const Mp4Table numbers = file.table(track, {"tref", "chap"});
    for (std::size_t i = 0; i + 4 <= numbers.size(); i += 4) {
      tracks.insert(static_cast<int>(numbers.number(i, 4)));
    }
    return true;
  });
  return tracks;
}

}  // namespace streamdiffusion::media

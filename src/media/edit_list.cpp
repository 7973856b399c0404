// ISO/IEC 14496-12: boxes mvhd, mdhd, elst, stts, stss, stsz.
#include "media/edit_list.h"

#include <algorithm>
#include <vector>

#include "base/error.h"
#include "base/input_file.h"
#include "base/log.h"

namespace streamdiffusion::media {
namespace {

constexpr std::uint64_t kManyEdits = 1'000'000, kTimesTheSamples = 4;

/// Of mvhd or mdhd.
std::uint64_t timescale_of(const Mp4Table& header) {
  const bool wide = header.number(0, 1) == 1;
  return std::max<std::uint64_t>(header.number(wide ? 20 : 12, 4), 1);
}

/// When the samples of a track are decoded, and which are key frames.
class Samples {
 public:
  Samples(const Mp4File& file, const Mp4Box& tables)
      : count_(file.table(tables, {"stsz"}).number(8, 4)), keys_(file.table(tables, {"stss"})) {
    const Mp4Table times = file.table(tables, {"stts"});
    known_ = !times.too_long && !keys_.too_long;
    std::uint64_t sample = 0, time = 0;
    for (std::size_t i = 0; i < times.entries(times.number(4, 4), 8, 8); ++i) {
      const std::uint64_t count = times.number(8 + 8 * i, 4), delta = times.number(12 + 8 * i, 4);
      runs_.push_back({sample, time, count, delta});
      sample += count;
      time +=
          count * delta;  // a sum that overflows counts fewer frames, as wrong times do in libav
    }
    key_count_ = keys_.entries(keys_.number(4, 4), 8, 4);
  }

  std::uint64_t count() const { return count_; }
  /// How many are decoded before a time.
  std::uint64_t before(std::uint64_t time) const {
    if (!known_) return count_;
    const auto run = std::ranges::lower_bound(runs_, time, {}, &Run::time);
    if (run == runs_.begin()) return 0;
    const Run& last = *std::prev(run);
    const std::uint64_t passed =
        last.delta == 0 ? last.count : (time - last.time + last.delta - 1) / last.delta;
    return std::min(last.sample + std::min(passed, last.count), count_);
  }
  /// The key frame that `sample` needs; counted from 0.
  std::uint64_t key(std::uint64_t sample) const {
    if (!known_) return 0;
    if (keys_.empty()) return sample;
    std::size_t low = 0, high = key_count_;  // those before `low` are at most `sample`
    while (low < high) {
      const std::size_t middle = low + (high - low) / 2;
      if (key_at(middle) <= sample) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low == 0 ? 0 : std::min(key_at(low - 1), sample);
  }

 private:
  struct Run {
    std::uint64_t sample, time, count, delta;
  };
  /// In the file they are counted from 1.
  std::uint64_t key_at(std::size_t number) const {
    return std::max<std::uint64_t>(keys_.number(8 + 4 * number, 4), 1) - 1;
  }

  std::uint64_t count_;
  Mp4Table keys_;
  bool known_ = true;
  std::size_t key_count_ = 0;
  std::vector<Run> runs_;
};

/// What one edit list plays of a track. Times of edits are in `movie_scale` and `track_scale`.
EditList frames_of(const Mp4Table& edits, const Samples& samples, double movie_scale,
                   double track_scale) {
  const bool wide = edits.number(0, 1) == 1;
  const std::size_t size = wide ? 20 : 12, half = wide ? 8 : 4;
  const std::size_t count = edits.entries(edits.number(4, 4), 8, size);
  EditList list{.edits = count, .frames = 0, .samples = samples.count()};
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t start = edits.number(8 + size * i + half, half);
    const std::uint64_t empty = wide ? ~std::uint64_t{0} : 0xffffffffU;
    if (start == empty) continue;
    const double length =
        static_cast<double>(edits.number(8 + size * i, half)) * track_scale / movie_scale;
    const double end = static_cast<double>(start) + length;
    constexpr double kLatest = 9e18;
    const std::uint64_t first = samples.key(samples.before(start));
    const std::uint64_t last = length > 0 && end < kLatest
                                   ? samples.before(static_cast<std::uint64_t>(end)) + 1
                                   : samples.count();
    list.frames += std::max(last, first) - first;
  }
  return list;
}

/// Keeps the list that plays more.
void keep_longer(std::optional<EditList>& longest, const std::optional<EditList>& list) {
  if (list && (!longest || list->frames > longest->frames)) longest = list;
}

/// The edit lists of a track: a well-formed one has at most one, and libav reads any.
std::vector<Mp4Table> edit_tables(const Mp4File& file, const Mp4Box& track) {
  std::vector<Mp4Table> tables;
  const auto add = [&](const Mp4Box& box) {
    if (box.is("elst")) tables.push_back(file.content(box));
    return true;
  };
  file.visit(track, [&](const Mp4Box& box) {
    if (box.is("edts")) file.visit(box, add);
    return add(box);
  });
  return tables;
}

std::optional<EditList> edits_of(const Mp4File& file, const Mp4Box& track, double movie_scale) {
  std::optional<EditList> longest;
  const std::vector<Mp4Table> lists = edit_tables(file, track);
  const auto media = file.find(track, "mdia");
  const auto information = media ? file.find(*media, "minf") : std::nullopt;
  const auto tables = information ? file.find(*information, "stbl") : std::nullopt;
  if (lists.empty() || !tables) return std::nullopt;
  const Samples samples(file, *tables);
  const auto scale = static_cast<double>(timescale_of(file.table(*media, {"mdhd"})));
  for (const Mp4Table& edits : lists)
    keep_longer(longest, frames_of(edits, samples, movie_scale, scale));
  return longest && longest->edits > 0 ? longest : std::nullopt;
}

/// Of a box of the file's first level: the header, or a track that stands beside it.
std::optional<EditList> edits_of_root(const Mp4File& file, const Mp4Box& root) {
  if (root.is("trak")) return edits_of(file, root, 1);
  if (!root.is("moov")) return std::nullopt;
  if (file.find(root, "cmov")) return EditList{.hidden = true};
  std::optional<EditList> longest;
  const auto scale = static_cast<double>(timescale_of(file.table(root, {"mvhd"})));
  file.visit(root, [&](const Mp4Box& box) {
    if (box.is("trak")) keep_longer(longest, edits_of(file, box, scale));
    return true;
  });
  return longest;
}

}  // namespace

bool EditList::is_excessive() const {
  return hidden || edits > kManyEdits || frames > std::max(kManyEdits, kTimesTheSamples * samples);
}

std::optional<EditList> longest_edit_list(const ReadAt& read, std::uint64_t size, bool all) {
  const Mp4File file(read, size);
  std::optional<EditList> longest;
  bool header = false, data = false;
  file.visit(file.whole(), [&](const Mp4Box& box) {
    const std::optional<EditList> list = edits_of_root(file, box);
    if (!longest || !longest->hidden) keep_longer(longest, list);
    if (list && list->hidden) longest = list;
    header = header || box.is("moov");
    data = data || box.is("mdat") || box.is("moof");
    return all || !(header && data);
  });
  return longest;
}

bool warn_if_excessive(const std::optional<EditList>& list, const std::string& name) {
  if (!list || !list->is_excessive()) return false;
  if (list->hidden) {
    base::warn(name,
               ": its header is compressed; an edit list in it is not obeyed, and the frames "
               "come in the order in which they are stored");
    return true;
  }
  base::warn(
      name, ": an edit list of ", list->edits, " entries plays ", list->frames, " frames of ",
      list->samples,
      ", expected at most a few times as many as there are; it is not obeyed, and the frames "
      "come in the order in which they are stored");
  return true;
}

bool has_excessive_edits(const std::string& file, const std::string& name) {
  try {
    const base::InputFile input(file);
    return warn_if_excessive(
        longest_edit_list(
            [&](std::uint64_t offset, std::span<std::byte> out) { input.read(offset, out); },
            input.size()),
        name);
  } catch (const Error&) {  // no regular file, or it is still being written
    return false;
  }
}

}  // namespace streamdiffusion::media

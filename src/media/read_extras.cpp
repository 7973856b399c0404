#include "media/read_extras.h"

extern "C" {
#include <libavutil/avstring.h>
}

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "base/error.h"
#include "media/track_queue.h"

namespace streamdiffusion::media {
namespace {

/// Tags of the container that are not true of a copy: what wrote it, and with which settings.
constexpr const char* kOwnTags[]{"major_brand", "minor_version", "compatible_brands",
                                 "encoder",     "duration",      "creation_time"};

/// Their titles are samples all over the file, and the header says where: a pipe cannot go there.
constexpr const char* kUnreadChapters =
    "the chapters (a track of texts, which can be read from a file alone)";

bool is_own_tag(const std::string& key) {
  return std::any_of(std::begin(kOwnTags), std::end(kOwnTags),
                     [&](const char* own) { return av_strcasecmp(own, key.c_str()) == 0; });
}

std::vector<Chapter> chapters_of(const AVFormatContext& input, std::int64_t start,
                                 AVRational base) {
  std::vector<Chapter> chapters;
  for (unsigned i = 0; i < input.nb_chapters; ++i) {
    const AVChapter& chapter = *input.chapters[i];
    const std::int64_t shift = av_rescale_q(start, base, chapter.time_base);
    chapters.push_back({.start = std::max<std::int64_t>(chapter.start - shift, 0),
                        .end = std::max<std::int64_t>(chapter.end - shift, 0),
                        .time_base = rational_of(chapter.time_base),
                        .tags = tags_of(chapter.metadata)});
  }
  return chapters;
}

/// What messages call a stream that is not copied; empty for one that is of no interest.
std::string name_of(const AVFormatContext& input, const AVStream& stream) {
  char tag[AV_FOURCC_MAX_STRING_SIZE] = {};
  const bool known = stream.codecpar->codec_id != AV_CODEC_ID_NONE;
  const char* codec = known ? avcodec_get_name(stream.codecpar->codec_id)
                            : av_fourcc_make_string(tag, stream.codecpar->codec_tag);
  // QuickTime's table of chapter titles is read as chapters as well.
  const bool chapter_titles =
      input.nb_chapters > 0 && stream.codecpar->codec_id == AV_CODEC_ID_BIN_DATA;
  if (chapter_titles) return {};
  if (stream.codecpar->codec_type == AVMEDIA_TYPE_VIDEO) {
    return base::concat("another video (", codec, ")");
  }
  return base::concat("data (", codec, ")");
}

bool is_track(const AVStream& stream) {
  const AVMediaType type = stream.codecpar->codec_type;
  if (type == AVMEDIA_TYPE_ATTACHMENT) return true;  // of any kind of file, also an unknown one
  if (stream.codecpar->codec_id == AV_CODEC_ID_NONE) return false;
  return type == AVMEDIA_TYPE_AUDIO || type == AVMEDIA_TYPE_SUBTITLE;
}

}  // namespace

InputTracks read_extras(AVFormatContext& input, const AVStream& images, std::int64_t start,
                        const std::set<int>& chapter_tracks) {
  InputTracks found;
  Extras& extras = found.extras;
  const int best = av_find_best_stream(&input, AVMEDIA_TYPE_AUDIO, -1, images.index, nullptr, 0);
  for (unsigned i = 0; i < input.nb_streams; ++i) {
    AVStream& stream = *input.streams[i];
    if (stream.index == images.index) continue;
    if (chapter_tracks.contains(stream.id) &&
        stream.codecpar->codec_type == AVMEDIA_TYPE_SUBTITLE) {
      stream.discard = AVDISCARD_ALL;  // libav has not read it as chapters
      if (input.nb_chapters == 0) extras.not_copied.emplace_back(kUnreadChapters);
      continue;
    }
    if ((stream.disposition & AV_DISPOSITION_ATTACHED_PIC) != 0) {
      stream.discard = AVDISCARD_ALL;  // the whole image is known by now
      extras.tracks.push_back(std::make_shared<Track>(std::make_unique<Track::Queue>(stream, 0)));
      continue;
    }
    if (!is_track(stream)) {
      stream.discard = AVDISCARD_ALL;
      if (std::string name = name_of(input, stream); !name.empty()) {
        extras.not_copied.push_back(std::move(name));
      }
      continue;
    }
    const std::int64_t shift = av_rescale_q(start, images.time_base, stream.time_base);
    const auto track = std::make_shared<Track>(std::make_unique<Track::Queue>(stream, shift));
    found.by_stream[stream.index] = track;
    const auto sounds = std::find_if(extras.tracks.begin(), extras.tracks.end(),
                                     [](const auto& t) { return t->kind() != Track::Kind::sound; });
    const bool first = stream.index == best;
    const bool sound = track->kind() == Track::Kind::sound;
    extras.tracks.insert(first   ? extras.tracks.begin()
                         : sound ? sounds
                                 : extras.tracks.end(),
                         track);
  }
  extras.chapters = chapters_of(input, start, images.time_base);
  extras.tags = tags_of(input.metadata);
  std::erase_if(extras.tags, [](const auto& tag) { return is_own_tag(tag.first); });
  return found;
}

}  // namespace streamdiffusion::media

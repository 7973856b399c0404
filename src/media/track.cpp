// The packet queue behind Track, and what messages call one.
#include "media/track.h"

extern "C" {
#include <libavutil/mem.h>
}

#include <algorithm>
#include <new>

#include "base/error.h"
#include "base/join.h"
#include "base/printable.h"
#include "media/track_queue.h"

namespace streamdiffusion::media {
namespace {

constexpr const char* kKeptTags[]{"language", "title", "filename", "mimetype"};

}  // namespace

Track::Track(std::unique_ptr<Queue> queue) : queue_(std::move(queue)) {}

Track::~Track() = default;

Track::Kind Track::kind() const {
  switch (queue_->parameters().codec_type) {
    case AVMEDIA_TYPE_AUDIO:
      return Kind::sound;
    case AVMEDIA_TYPE_SUBTITLE:
      return Kind::subtitles;
    default:
      return Kind::attachment;
  }
}

std::string Track::language() const {
  const auto found = queue_->tags().find("language");
  return found == queue_->tags().end() || found->second == "und" ? "" : found->second;
}

std::string Track::name() const {
  const char* const names[]{"the sound", "the subtitles", "the attachment"};
  const std::string of = language().empty() ? "" : ", " + language();
  const auto file = queue_->tags().find("filename");
  if (kind() == Kind::attachment && file != queue_->tags().end()) {
    return base::concat("the attachment (", base::printable(file->second), ")");
  }
  return base::concat(names[static_cast<int>(kind())], " (", codec(), of, ")");
}

std::string Track::codec() const {
  return avcodec_get_name(queue_->parameters().codec_id);
}

double Track::seconds() const {
  return queue_->seconds();
}

void Track::hold() {
  queue_->hold();
}

void Track::release() {
  queue_->release();
}

namespace {

/// A cover image, which libav gives as a video of one packet, becomes the attachment that it is in
/// Matroska: its bytes stand in the parameters.
void make_attachment(AVCodecParameters& parameters, const AVPacket& image, Tags& tags) {
  av_freep(&parameters.extradata);
  const auto size = static_cast<std::size_t>(std::max(image.size, 0));
  parameters.extradata =
      static_cast<std::uint8_t*>(av_mallocz(size + AV_INPUT_BUFFER_PADDING_SIZE));
  if (parameters.extradata == nullptr) throw std::bad_alloc();
  std::copy_n(image.data, size, parameters.extradata);
  parameters.extradata_size = image.size;
  parameters.codec_type = AVMEDIA_TYPE_ATTACHMENT;
  const bool png = parameters.codec_id == AV_CODEC_ID_PNG;
  tags.try_emplace("filename", png ? "cover.png" : "cover.jpg");
  if (png || parameters.codec_id == AV_CODEC_ID_MJPEG) {
    tags.try_emplace("mimetype", png ? "image/png" : "image/jpeg");
  }
}

}  // namespace

Track::Queue::Queue(const AVStream& stream, std::int64_t start)
    : parameters_(avcodec_parameters_alloc()),
      time_base_(stream.time_base),
      start_(start),
      disposition_(stream.disposition),
      tags_(tags_of(stream.metadata)) {
  if (parameters_ == nullptr || avcodec_parameters_copy(parameters_, stream.codecpar) < 0) {
    throw std::bad_alloc();
  }
  if ((disposition_ & AV_DISPOSITION_ATTACHED_PIC) != 0) {
    disposition_ = 0;
    make_attachment(*parameters_, stream.attached_pic, tags_);
  }
  // The others are statistics of the file that was read.
  std::erase_if(tags_, [](const auto& tag) {
    return std::none_of(std::begin(kKeptTags), std::end(kKeptTags),
                        [&](const char* kept) { return tag.first == kept; });
  });
}

Track::Queue::~Queue() {
  avcodec_parameters_free(&parameters_);
}

void Track::Queue::push(const AVPacket& packet) {
  const std::int64_t time = packet.pts != AV_NOPTS_VALUE ? packet.pts : packet.dts;
  if (time == AV_NOPTS_VALUE) return;
  const std::lock_guard lock(mutex_);
  if (first_time_ == AV_NOPTS_VALUE) first_time_ = time;
  end_time_ = time + packet.duration;
  if (!enabled_ && !held_) return;
  AvPacket copy(av_packet_clone(&packet));
  if (!copy) throw std::bad_alloc();
  copy->pts = time - start_;
  copy->dts = (packet.dts != AV_NOPTS_VALUE ? packet.dts : time) - start_;
  packets_.push_back(std::move(copy));
}

void Track::Queue::release() {
  const std::lock_guard lock(mutex_);
  held_ = false;
  if (!enabled_) packets_.clear();
}

AvPacket Track::Queue::pop(std::int64_t time, AVRational base) {
  const std::lock_guard lock(mutex_);
  if (packets_.empty() || av_compare_ts(packets_.front()->pts, time_base_, time, base) >= 0) {
    return nullptr;
  }
  AvPacket packet = std::move(packets_.front());
  packets_.pop_front();
  return packet;
}

double Track::Queue::seconds() const {
  const std::lock_guard lock(mutex_);
  if (first_time_ == AV_NOPTS_VALUE) return 0;
  return static_cast<double>(end_time_ - first_time_) * av_q2d(time_base_);
}

Tags tags_of(const AVDictionary* dictionary) {
  Tags tags;
  const AVDictionaryEntry* entry = nullptr;
  while ((entry = av_dict_get(dictionary, "", entry, AV_DICT_IGNORE_SUFFIX)) != nullptr) {
    tags[entry->key] = entry->value;
  }
  return tags;
}

void set_tags(AVDictionary*& dictionary, const Tags& tags) {
  for (const auto& [key, value] : tags) av_dict_set(&dictionary, key.c_str(), value.c_str(), 0);
}

std::vector<std::string> Extras::names_of_texts() const {
  std::vector<std::string> names;
  if (!tags.empty()) names.emplace_back("the title and other texts");
  if (!chapters.empty()) names.emplace_back("the chapters");
  return names;
}

std::vector<std::string> Extras::names() const {
  std::vector<std::string> names;
  for (const auto& track : tracks) names.push_back(track->name());
  names.insert(names.end(), not_copied.begin(), not_copied.end());
  for (std::string& name : names_of_texts()) names.push_back(std::move(name));
  return names;
}

std::string images_only_note(const std::string& output, const Extras& extras) {
  const std::vector<std::string> names = extras.names();
  return names.empty() ? "" : output + ": images only; left out: " + base::joined(names);
}

std::shared_ptr<Track> Extras::sound() const {
  const auto found = std::find_if(tracks.begin(), tracks.end(), [](const auto& track) {
    return track->kind() == Track::Kind::sound;
  });
  return found == tracks.end() ? nullptr : *found;
}

Extras Extras::without_sound() const {
  Extras others = *this;
  std::erase_if(others.tracks,
                [](const auto& track) { return track->kind() == Track::Kind::sound; });
  return others;
}

}  // namespace streamdiffusion::media

// Asks the muxer itself what it holds, by letting it write a header into memory.
#include "media/track_muxer.h"

extern "C" {
#include <libavutil/mem.h>
}

#include <algorithm>
#include <cstring>
#include <limits>
#include <new>
#include <utility>

#include "base/error.h"
#include "base/log.h"

namespace streamdiffusion::media {
namespace {

AVStream& add_stream(AVFormatContext& muxer, const AVCodecParameters& parameters) {
  AVStream* stream = avformat_new_stream(&muxer, nullptr);
  if (stream == nullptr || avcodec_parameters_copy(stream->codecpar, &parameters) < 0) {
    throw std::bad_alloc();
  }
  stream->codecpar->codec_tag = 0;
  return *stream;
}

bool is_matroska(const AVFormatContext& muxer) {
  return std::strcmp(muxer.oformat->name, "matroska") == 0 ||
         std::strcmp(muxer.oformat->name, "webm") == 0;
}

/// True if the container holds a stream with these parameters beside the images. The muxer's list
/// of codecs is not the whole truth, so it is asked to write a header. Matroska's leaves out what
/// it keeps by the numbers of WAV, such as WMA and ADPCM.
bool holds(const AVFormatContext& muxer, const Track::Queue& queue) {
  const AVOutputFormat* format = muxer.oformat;
  const AVCodecParameters& parameters = queue.parameters();
  const bool attachment = parameters.codec_type == AVMEDIA_TYPE_ATTACHMENT;
  const auto has = [&](const char* tag) { return queue.tags().contains(tag); };
  if (attachment) {
    return std::strcmp(format->name, "matroska") == 0 && has("filename") && has("mimetype");
  }
  const bool listed = avformat_query_codec(format, parameters.codec_id, FF_COMPLIANCE_NORMAL) == 1;
  if (!listed && !is_matroska(muxer)) return false;
  if ((format->flags & AVFMT_NOFILE) != 0) return true;
  AVFormatContext* context = nullptr;
  if (avformat_alloc_output_context2(&context, format, nullptr, nullptr) < 0) return false;
  const AvOutput trial(context);
  add_stream(*context, *muxer.streams[0]->codecpar).time_base = {1, 1000};
  add_stream(*context, parameters).time_base = queue.time_base();
  if (avio_open_dyn_buf(&context->pb) < 0) throw std::bad_alloc();
  const bool taken = avformat_write_header(context, nullptr) >= 0;
  std::uint8_t* bytes = nullptr;
  avio_close_dyn_buf(std::exchange(context->pb, nullptr), &bytes);
  av_free(bytes);
  return taken;
}

bool is_mp4(const AVFormatContext& muxer) {
  return std::strcmp(muxer.oformat->name, "mp4") == 0 ||
         std::strcmp(muxer.oformat->name, "mov") == 0;
}

/// AAC from broadcasts (ADTS) carries a header in each packet; MP4 stores one for all. The muxer
/// inserts this filter by itself, but not with delay_moov, which the fragments need.
AvBitstreamFilter adts_filter(const AVFormatContext& muxer, const Track::Queue& queue) {
  const AVCodecParameters& parameters = queue.parameters();
  if (!is_mp4(muxer) || parameters.codec_id != AV_CODEC_ID_AAC || parameters.extradata_size > 0) {
    return nullptr;
  }
  AVBSFContext* context = nullptr;
  if (av_bsf_alloc(av_bsf_get_by_name("aac_adtstoasc"), &context) < 0) throw std::bad_alloc();
  AvBitstreamFilter filter(context);
  const bool ready = avcodec_parameters_copy(context->par_in, &parameters) >= 0;
  context->time_base_in = queue.time_base();
  base::require(ready && av_bsf_init(context) >= 0, base::ErrorCode::unsupported,
                "the sound's headers cannot be rewritten for MP4");
  return filter;
}

/// How much later than its packets say a track has to be given to the muxer, in their time base. Of
/// Opus, libav's Matroska muxer notes the samples that a player leaves out at the beginning, by
/// which players move the sound back; before libavformat 60 it does not move the packets forth.
std::int64_t delay_of(const AVFormatContext& muxer, const Track::Queue& queue) {
  const AVCodecParameters& parameters = queue.parameters();
  constexpr int kFirstThatMoves = 60;
  constexpr AVRational kOpusSample{1, 48000};
  if (LIBAVFORMAT_VERSION_MAJOR >= kFirstThatMoves || !is_matroska(muxer) ||
      parameters.codec_id != AV_CODEC_ID_OPUS) {
    return 0;
  }
  return av_rescale_q(parameters.initial_padding, kOpusSample, queue.time_base());
}

/// Lets a chapter end at `end`, in seconds. Returns false for one that would begin later.
bool cut(Chapter& chapter, double end) {
  const double unit = chapter.time_base.value();
  if (static_cast<double>(chapter.start) * unit >= end) return false;
  if (static_cast<double>(chapter.end) * unit > end) {
    chapter.end = static_cast<std::int64_t>(end / unit);
  }
  return true;
}

/// The same for the time for which a subtitle is shown.
void cut(AVPacket& packet, AVRational base, double end) {
  const double unit = av_q2d(base);
  if (static_cast<double>(packet.pts + packet.duration) * unit <= end) return;
  packet.duration = std::max<std::int64_t>(static_cast<std::int64_t>(end / unit) - packet.pts, 0);
}

/// An error that a packet causes, not the file or the connection.
bool is_packet_error(int status) {
  return status == AVERROR_INVALIDDATA || status == AVERROR(EINVAL) ||
         status == AVERROR_PATCHWELCOME || status == AVERROR(ERANGE);
}

}  // namespace

TrackMuxer::TrackMuxer(AVFormatContext& muxer, const Extras& extras, double end)
    : muxer_(muxer), end_(end) {
  for (const std::shared_ptr<Track>& track : extras.tracks) {
    if (holds(muxer_, track->queue())) {
      add(track);
    } else {
      left_out_.push_back(track->name());
    }
  }
  left_out_.insert(left_out_.end(), extras.not_copied.begin(), extras.not_copied.end());
  add_texts(extras);
}

void TrackMuxer::add(const std::shared_ptr<Track>& track) {
  Track::Queue& queue = track->queue();
  AVStream& stream = add_stream(muxer_, queue.parameters());
  stream.time_base = queue.time_base();
  stream.disposition = queue.disposition();
  set_tags(stream.metadata, queue.tags());
  copies_.push_back({track, &stream, adts_filter(muxer_, queue), delay_of(muxer_, queue)});
  queue.enable();
}

void TrackMuxer::add_texts(const Extras& extras) {
  if (!is_mp4(muxer_) && !is_matroska(muxer_)) {
    for (std::string& name : extras.names_of_texts()) left_out_.push_back(std::move(name));
    return;
  }
  set_tags(muxer_.metadata, extras.tags);
  std::vector<Chapter> chapters = extras.chapters;
  if (end_ > 0) std::erase_if(chapters, [&](Chapter& chapter) { return !cut(chapter, end_); });
  const std::size_t count = chapters.size();
  if (count == 0) return;
  muxer_.chapters = static_cast<AVChapter**>(av_calloc(count, sizeof(AVChapter*)));
  if (muxer_.chapters == nullptr) throw std::bad_alloc();
  for (const Chapter& chapter : chapters) {
    auto* copy = static_cast<AVChapter*>(av_mallocz(sizeof(AVChapter)));
    if (copy == nullptr) throw std::bad_alloc();
    muxer_.chapters[muxer_.nb_chapters] = copy;
    copy->id = static_cast<std::int64_t>(muxer_.nb_chapters++);
    copy->time_base = av_rational(chapter.time_base);
    copy->start = chapter.start;
    copy->end = chapter.end;
    set_tags(copy->metadata, chapter.tags);
  }
}

bool TrackMuxer::has_sound_at(double time) const {
  return std::all_of(copies_.begin(), copies_.end(), [&](const Copy& copy) {
    const bool reaches = copy.first && *copy.first <= time && copy.last >= time;
    return copy.track->kind() != Track::Kind::sound || reaches;
  });
}

/// MP4 has a sample without a text between two subtitles. The muxer writes one more at the end of
/// a fragment, and one that has the time of another would be copied each time.
bool TrackMuxer::is_idle_pause(const Copy& copy, const AVPacket& packet) {
  constexpr int kLengthBytes = 2;
  const Track::Queue& queue = copy.track->queue();
  if (queue.parameters().codec_id != AV_CODEC_ID_MOV_TEXT || packet.size > kLengthBytes) {
    return false;
  }
  const double time = static_cast<double>(packet.pts) * av_q2d(queue.time_base());
  return copy.first && time <= copy.last;
}

int TrackMuxer::write(Copy& copy, AVPacket& packet, const Write& write) {
  if (is_idle_pause(copy, packet)) return 0;
  if (copy.filter) {
    int status = av_bsf_send_packet(copy.filter.get(), &packet);
    if (status >= 0) status = av_bsf_receive_packet(copy.filter.get(), &packet);
    if (status < 0) return status;
  }
  if (end_ > 0 && copy.track->kind() == Track::Kind::subtitles) {
    cut(packet, copy.track->queue().time_base(), end_);
  }
  packet.stream_index = copy.stream->index;
  packet.pos = -1;
  packet.pts += copy.delay;
  packet.dts += copy.delay;
  av_packet_rescale_ts(&packet, copy.track->queue().time_base(), copy.stream->time_base);
  copy.last = static_cast<double>(packet.dts) * av_q2d(copy.stream->time_base);
  if (!copy.first) copy.first = copy.last;
  return write(packet);
}

int TrackMuxer::write(std::int64_t until, AVRational base, const Write& write) {
  for (auto copy = copies_.begin(); copy != copies_.end();) {
    int status = 0;
    while (status >= 0) {
      const AvPacket packet = copy->track->queue().pop(until, base);
      if (!packet) break;
      status = this->write(*copy, *packet, write);
    }
    if (status >= 0) {
      ++copy;
      continue;
    }
    if (!is_packet_error(status)) return status;
    base::warn(copy->track->name(), " cannot be copied from here on and is left out");
    copy = copies_.erase(copy);
  }
  return 0;
}

int TrackMuxer::finish(std::int64_t until, AVRational base, const Write& write) {
  // If the source was stopped, the sound ends with the images; otherwise it is written whole.
  const bool complete = !copies_.empty() && copies_.front().track->queue().finished();
  return this->write(complete ? std::numeric_limits<std::int64_t>::max() : until, base, write);
}

}  // namespace streamdiffusion::media

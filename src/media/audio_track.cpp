// The packet queue behind AudioTrack.
#include "media/audio_track.h"

#include <new>

#include "media/audio_queue.h"

namespace streamdiffusion::media {

AudioTrack::AudioTrack(std::unique_ptr<Queue> queue) : queue_(std::move(queue)) {}

AudioTrack::~AudioTrack() = default;

std::string AudioTrack::codec() const {
  return avcodec_get_name(queue_->parameters().codec_id);
}

double AudioTrack::seconds() const {
  return queue_->seconds();
}

AudioTrack::Queue::Queue(const AVStream& stream, std::int64_t start)
    : parameters_(avcodec_parameters_alloc()), time_base_(stream.time_base), start_(start) {
  if (parameters_ == nullptr || avcodec_parameters_copy(parameters_, stream.codecpar) < 0) {
    throw std::bad_alloc();
  }
}

AudioTrack::Queue::~Queue() {
  avcodec_parameters_free(&parameters_);
}

void AudioTrack::Queue::push(const AVPacket& packet) {
  const std::int64_t time = packet.pts != AV_NOPTS_VALUE ? packet.pts : packet.dts;
  if (time == AV_NOPTS_VALUE) return;
  const std::lock_guard lock(mutex_);
  if (first_time_ == AV_NOPTS_VALUE) first_time_ = time;
  end_time_ = time + packet.duration;
  if (!enabled_) return;
  AvPacket copy(av_packet_clone(&packet));
  if (!copy) throw std::bad_alloc();
  copy->pts = time - start_;
  copy->dts = (packet.dts != AV_NOPTS_VALUE ? packet.dts : time) - start_;
  packets_.push_back(std::move(copy));
}

AvPacket AudioTrack::Queue::pop(std::int64_t time, AVRational base) {
  const std::lock_guard lock(mutex_);
  if (packets_.empty() || av_compare_ts(packets_.front()->pts, time_base_, time, base) >= 0) {
    return nullptr;
  }
  AvPacket packet = std::move(packets_.front());
  packets_.pop_front();
  return packet;
}

double AudioTrack::Queue::seconds() const {
  const std::lock_guard lock(mutex_);
  if (first_time_ == AV_NOPTS_VALUE) return 0;
  return static_cast<double>(end_time_ - first_time_) * av_q2d(time_base_);
}

}  // namespace streamdiffusion::media

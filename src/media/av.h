// FFmpeg's libraries behind C++ hands: owners that free, errors as text, waits that can be ended.
// Everything else of theirs stays in the files that include this one.
#pragma once

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavcodec/bsf.h>
#include <libavformat/avformat.h>
}

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <string>

#include "media/timing.h"

namespace streamdiffusion::media {

/// Frees through one of the libraries' functions that take the address of the pointer.
template <auto Free>
struct AvFree {
  template <typename T>
  void operator()(T* object) const {
    Free(&object);
  }
};
struct AvFreeOutput {
  void operator()(AVFormatContext* context) const { avformat_free_context(context); }
};

using AvInput = std::unique_ptr<AVFormatContext, AvFree<avformat_close_input>>;
using AvOutput = std::unique_ptr<AVFormatContext, AvFreeOutput>;
using AvCodec = std::unique_ptr<AVCodecContext, AvFree<avcodec_free_context>>;
using AvBitstreamFilter = std::unique_ptr<AVBSFContext, AvFree<av_bsf_free>>;
using AvPacket = std::unique_ptr<AVPacket, AvFree<av_packet_free>>;
using AvFrame = std::unique_ptr<AVFrame, AvFree<av_frame_free>>;

/// Options on their way into one of the libraries' open functions.
class AvOptions {
 public:
  AvOptions() = default;
  ~AvOptions() { av_dict_free(&options_); }
  AvOptions(const AvOptions&) = delete;
  AvOptions& operator=(const AvOptions&) = delete;
  void set(const char* key, const std::string& value) {
    av_dict_set(&options_, key, value.c_str(), 0);
  }
  AVDictionary** get() { return &options_; }

 private:
  AVDictionary* options_ = nullptr;
};

inline AVRational av_rational(Rational r) {
  return {r.numerator, r.denominator};
}
inline Rational rational_of(AVRational r) {
  return {r.num, r.den};
}

/// What the libraries say about one input or output: the last line at error level, which is often
/// more precise than the code they return. Put into a context's `opaque`; must outlive it.
class AvLog {
 public:
  void clear();
  /// Empty if nothing was said since clear().
  std::string last() const;
  void keep(std::string line);
  /// "\"Invalid NAL unit size\"", or what the code means.
  std::string words(int code) const;

 private:
  mutable std::mutex mutex_;
  std::string last_;
};

/// Registers devices, and turns the libraries' printing off for the process. Idempotent.
void prepare_av();

/// Ends waits inside the libraries: when asked to stop, or when a deadline has passed.
class AvInterrupt {
 public:
  explicit AvInterrupt(StopFlag stop) : stop_(std::move(stop)) {}
  AVIOInterruptCB callback() { return {&AvInterrupt::asked, this}; }
  /// Of the calls that follow; 0 for none.
  void set_timeout(double seconds);
  bool stopped() const { return *stop_; }
  void stop() { *stop_ = true; }
  bool late() const;

 private:
  static int asked(void* self);
  StopFlag stop_;
  std::atomic<std::chrono::steady_clock::rep> deadline_{0};
};

}  // namespace streamdiffusion::media

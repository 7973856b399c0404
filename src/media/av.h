// C++ wrappers for FFmpeg's libraries: owning pointers, error texts, interruptible waits. FFmpeg's
// headers are included only by the files of this folder that include this one.
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

#include "base/error.h"
#include "media/timing.h"

namespace streamdiffusion::media {

/// A deleter that calls one of FFmpeg's functions that take the address of the pointer.
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

/// An AVDictionary of options for FFmpeg's open functions.
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
/// The library's code for a status of libav.
base::ErrorCode error_code_of(int status);

inline Rational rational_of(AVRational r) {
  return {r.num, r.den};
}

class AddressGuard;

/// The last line that FFmpeg logged at error level about one input or output. It is often more
/// precise than the returned code. Set as the `opaque` of a context, which it must outlive. Any
/// thread.
class AvLog {
 public:
  void clear();
  /// Empty if nothing was logged since clear().
  std::string last_line() const;
  /// The last line in quotation marks, such as "Invalid NAL unit size", or av_strerror of `code` if
  /// there is none.
  std::string error_message(int code) const;

  /// What FFmpeg found in the content: a demuxer's name; empty before.
  std::string format() const;
  /// The protocol that a whitelist kept from being used; empty if there was none.
  std::string refused_protocol() const;
  /// A whitelist kept the format found from being used.
  bool format_refused() const;
  /// Asked before data is sent on a connection; null for none. It must outlive what is opened.
  void set_guard(AddressGuard* guard) { guard_ = guard; }
  AddressGuard* guard() const { return guard_; }
  /// Called with each line of FFmpeg's log that counts; `level` is that of av_log.
  void on_line(int level, const char* line);

  /// While it lives, lines of this thread about connections, which have no `opaque`, go to `log`.
  class Scope {
   public:
    explicit Scope(AvLog& log);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    AvLog* outer_;
  };

 private:
  void set_last_line(std::string line);
  void ask_guard(const std::string& line);

  mutable std::mutex mutex_;
  std::string last_line_, format_, refused_protocol_;
  bool format_refused_ = false;
  std::atomic<AddressGuard*> guard_ = nullptr;
};

/// Registers FFmpeg's devices and routes its log to AvLog, for the whole process. Idempotent.
void prepare_av();

/// Ends waits inside FFmpeg when the stop flag is set or a timeout has passed.
class AvInterrupt {
 public:
  explicit AvInterrupt(StopFlag stop) : stop_(std::move(stop)) {}
  AVIOInterruptCB callback() { return {&AvInterrupt::on_interrupt, this}; }
  /// `seconds` from now; 0 or less for no timeout.
  void set_timeout(double seconds);
  /// The stop flag is set.
  bool stopped() const { return *stop_; }
  void stop() { *stop_ = true; }
  /// The timeout has passed.
  bool timed_out() const;
  /// Ends every wait from now on: what is opened may not be.
  void refuse() { refused_ = true; }

 private:
  static int on_interrupt(void* self);
  StopFlag stop_;
  std::atomic<std::chrono::steady_clock::rep> deadline_{0};
  std::atomic<bool> refused_{false};
};

}  // namespace streamdiffusion::media

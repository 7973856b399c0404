// How the bytes of an input reach libav: a descriptor through our own reader, an address of the web
// through libav's. Both are looked into first: an edit list may not cost more than the video.
#pragma once

#include <memory>

#include "media/ahead_io.h"
#include "media/av_source.h"
#include "media/descriptor_io.h"

namespace streamdiffusion::media {

class InputIo {
 public:
  /// `interrupt` must outlive this object.
  explicit InputIo(AvInterrupt& interrupt) : interrupt_(interrupt) {}
  ~InputIo();
  InputIo(const InputIo&) = delete;
  InputIo& operator=(const InputIo&) = delete;

  /// Sets context.pb, where libav is not to open the input itself, and the options about edit
  /// lists, with a warning where one is not obeyed. `protocols`: those that are allowed, for the
  /// web. Returns 0, or the status of libav where an address cannot be opened.
  int prepare(const AvInputSpec& spec, const std::string& protocols, AVFormatContext& context,
              AvOptions& settings);
  /// To be called with the demuxer that libav has chosen: says so where an edit list was reached by
  /// a way on which it could not be looked into.
  void say_if_edits_are_read_in_part(const std::string& name, const AVInputFormat& format) const;
  /// The descriptor has ended without a byte.
  bool is_empty() const { return pipe_ && pipe_->is_empty(); }

 private:
  int open_address(const AvInputSpec& spec, const std::string& protocols);
  /// Returns what libav reads.
  AVIOContext* look_into(AVIOContext& io, const std::string& name, AvOptions& settings);

  AvInterrupt& interrupt_;
  std::unique_ptr<DescriptorIo> pipe_;
  AVIOContext* address_ = nullptr;
  std::unique_ptr<AheadIo> ahead_;
  /// libav reads the start of an edit list alone, which is bounded.
  bool edits_in_part_ = false;
};

}  // namespace streamdiffusion::media

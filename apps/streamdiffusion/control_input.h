// A second input of `run`: frames that control images are made of, in step with those of the first.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "media/frame_source.h"

namespace streamdiffusion::app {

class ControlInput {
 public:
  explicit ControlInput(std::unique_ptr<media::FrameSource> source) : source_(std::move(source)) {}

  const media::SourceInfo& info() const { return source_->info(); }
  /// What belongs to a frame of the first input at this time, in seconds from its start: the newest
  /// frame that is not later, or of a live source the next one. After the end the last one stays,
  /// with one notice. Throws Error as FrameSource::read(), and corrupt_file if there is none.
  std::function<Image()> at(double seconds);

 private:
  bool read_next();
  double time_of(const media::Frame& frame) const;

  std::unique_ptr<media::FrameSource> source_;
  std::optional<media::Frame> now_, next_;
  bool ended_ = false;
};

}  // namespace streamdiffusion::app

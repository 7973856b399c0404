#include "media/first_frame.h"

#include <deque>
#include <filesystem>
#include <utility>

#include "base/error.h"
#include "base/log.h"

namespace streamdiffusion::media {
namespace {

class AheadSource final : public FrameSource {
 public:
  explicit AheadSource(std::unique_ptr<FrameSource> source) : source_(std::move(source)) {
    for (const auto& track : source_->extras().tracks) track->hold();
    while (frames_.size() < kMaxFramesAhead && !found_) {
      std::optional<Frame> frame = source_->read();
      if (!frame) break;
      convert(*frame);
      frames_.push_back(std::move(*frame));
    }
    if (found_ || frames_.size() == kMaxFramesAhead || problems_.empty()) return;
    if (problems_.size() == 1) throw problems_.front();
    for (const Error& problem : problems_) base::warn(problem.what());
    base::fail(problems_.front().code(), source_->info().name, ": no frame could be drawn");
  }

  const SourceInfo& info() const override { return source_->info(); }
  void interrupt() override { source_->interrupt(); }
  std::uint64_t damaged() const override { return source_->damaged(); }
  std::uint64_t lost() const override { return source_->lost(); }
  Extras extras() const override { return source_->extras(); }
  std::optional<Frame> read() override {
    if (!std::exchange(begun_, true)) {
      for (const auto& track : source_->extras().tracks) track->release();
    }
    if (frames_.empty()) return source_->read();
    Frame frame = std::move(frames_.front());
    frames_.pop_front();
    return frame;
  }

 private:
  void convert(Frame& frame) {
    try {
      frame.image = [image = std::make_shared<const Image>(frame.image())] { return *image; };
      found_ = true;
    } catch (const Error& error) {
      problems_.push_back(error);
    }
  }

  std::unique_ptr<FrameSource> source_;
  std::deque<Frame> frames_;
  std::vector<Error> problems_;
  bool found_ = false, begun_ = false;
};

}  // namespace

std::unique_ptr<FrameSource> with_first_frame(std::unique_ptr<FrameSource> source) {
  return std::make_unique<AheadSource>(std::move(source));
}

bool has_frames_at_once(const std::string& input) {
  if (input == "-" || input.find("://") != std::string::npos) return false;
  std::error_code ignored;
  const auto kind = std::filesystem::status(input, ignored).type();
  using enum std::filesystem::file_type;
  return kind == regular || kind == directory || kind == not_found;
}

}  // namespace streamdiffusion::media

#include "session/frames_in_flight.h"

#include <algorithm>

#include "base/error.h"

namespace streamdiffusion::session {

std::uint64_t FramesInFlight::enter(std::optional<FrameTag> tag) {
  Frame frame;
  frame.tagged = tag.has_value();
  const std::uint64_t id = tag ? tag->frame_id : next_id_;
  base::require(id >= next_id_, ErrorCode::invalid_argument, "frame number ", id,
                ", expected at least ", next_id_, ": numbers must ascend");
  frame.output.frame_id = id;
  if (tag) frame.output.tag = std::move(tag->data);
  frames_.push_back(std::move(frame));
  next_id_ = id + 1;
  return id;
}

void FramesInFlight::reuse_image() {
  frames_.back().state = State::reused;
}

void FramesInFlight::finish(std::uint64_t frame_id, Output output, bool keep) {
  const auto frame = std::find_if(frames_.begin(), frames_.end(),
                                  [&](const Frame& f) { return f.output.frame_id == frame_id; });
  base::require(frame != frames_.end() && frame->state == State::running, ErrorCode::internal,
                "frame ", frame_id, " came out twice");
  output.frame_id = frame_id;
  output.tag = std::move(frame->output.tag);
  frame->output = std::move(output);
  frame->state = State::finished;
  frame->keep = keep;
  has_image_ |= keep;
}

void FramesInFlight::fail(const Error& error,
                          const std::function<bool(std::uint64_t frame_id)>& lost) {
  for (Frame& frame : frames_) {
    if (frame.state != State::running || !lost(frame.output.frame_id)) continue;
    frame.output.error = error;
    frame.state = State::failed;
  }
}

std::optional<Output> FramesInFlight::pop() {
  if (ready() == 0) return std::nullopt;
  Frame frame = std::move(frames_.front());
  frames_.erase(frames_.begin());
  if (frame.state == State::failed && !frame.tagged) throw Error(*frame.output.error);
  return released(std::move(frame));
}

std::vector<Output> FramesInFlight::pop_all() {
  const auto end = frames_.begin() + static_cast<std::ptrdiff_t>(ready());
  const auto failed = std::find_if(frames_.begin(), end, [](const Frame& frame) {
    return frame.state == State::failed && !frame.tagged;
  });
  if (failed != end) {
    const Error error = *failed->output.error;
    frames_.erase(failed);
    throw Error(error);
  }
  std::vector<Output> outputs;
  for (auto frame = frames_.begin(); frame != end; ++frame)
    outputs.push_back(released(std::move(*frame)));
  frames_.erase(frames_.begin(), end);
  return outputs;
}

bool FramesInFlight::running() const {
  return std::any_of(frames_.begin(), frames_.end(),
                     [](const Frame& frame) { return frame.state == State::running; });
}

std::size_t FramesInFlight::ready() const {
  const auto first = std::find_if(frames_.begin(), frames_.end(),
                                  [](const Frame& frame) { return frame.state == State::running; });
  return static_cast<std::size_t>(first - frames_.begin());
}

Output FramesInFlight::released(Frame frame) {
  if (frame.state == State::reused) {
    Output output = last_;
    output.frame_id = frame.output.frame_id;
    output.tag = std::move(frame.output.tag);
    output.reused = true;
    return output;
  }
  if (frame.keep) {
    last_ = frame.output;
    last_.tag.reset();
  }
  return std::move(frame.output);
}

}  // namespace streamdiffusion::session

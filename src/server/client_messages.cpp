// What a client says: its messages in both dialects, and the frames it sends.
#include "server/client.h"
#include "server/client_images.h"

namespace streamdiffusion::server {

bool Client::within_rate() {
  last_message_ = base::Clock::now();
  if (rate_.take()) return true;
  refuse(
      Refusal(429, "too_many_requests",
              base::concat("more than ", house_.limits.messages_per_second, " messages a second")),
      true);
  release();
  return false;
}

void Client::text(std::string_view message) {
  if (!within_rate()) return;
  try {
    handle(read_client_text(message, dialect_ == Dialect::established));
  } catch (const Refusal& refusal) {
    refuse(refusal);
    if (dialect_ == Dialect::established && next_frame_) {  // it may try again
      next_frame_ = expects_image_ = false;
      give_credit();
    }
  }
}

void Client::handle(const ClientText& message) {
  switch (message.kind) {
    case ClientText::Kind::settings:
      return change(message.body);
    case ClientText::Kind::pause:
    case ClientText::Kind::resume:
      paused_ = message.kind == ClientText::Kind::pause;
      if (stream_) paused_ ? stream_->pause() : stream_->resume();
      return;
    case ClientText::Kind::ack:
      return;
    case ClientText::Kind::next_frame:
      next_frame_ = true;
      return;
    case ClientText::Kind::parameters:
      if (message.body.size() > 0) change(message.body);
      if (!next_frame_) return;
      if (parameters_.live.options.text_to_image) {
        next_frame_ = false;
        submit({}, {});
        give_credit();
      } else {
        expects_image_ = true;
      }
  }
}

void Client::binary(std::string message) {
  if (!within_rate()) return;
  try {
    if (dialect_ == Dialect::binary) {
      const BinaryFrame frame = read_binary_frame(message);
      const auto head_size = message.size() - frame.image.size();
      const FrameHead head = frame.head;
      message.erase(0, head_size);
      return submit(head, std::move(message));
    }
    if (!expects_image_) {
      throw Refusal(400, "bad_message",
                    "an image came unasked; expected next_frame, then parameters, then an image");
    }
    next_frame_ = expects_image_ = false;
    submit({}, std::move(message));
    give_credit();
  } catch (const Refusal& refusal) {
    refuse(refusal);
    if (dialect_ == Dialect::established && state_ == State::live) give_credit();
  }
}

void Client::submit(FrameHead head, std::string image) {
  if (state_ != State::live) return;
  const bool from_text = parameters_.live.options.text_to_image;
  if (!from_text && image.empty()) {
    throw Refusal(400, "bad_frame", "a frame came without an image, which mode img2img needs");
  }
  LiveFrame frame;
  auto tag = std::make_shared<FrameTag>(FrameTag{head, frame.captured});
  frame.tag = tag;
  if (!from_text) {
    frame.image = [tag, bytes = std::make_shared<std::string>(std::move(image)),
                   most = house_.limits.image_pixels] {
      tag->decoding = LiveClock::now();
      try {
        return decode_image(*bytes, most);
      } catch (const Refusal& refusal) {
        throw Error(ErrorCode::invalid_argument, refusal.what());
      }
    };
  }
  stream_->submit(std::move(frame));
}

// The established protocol's credit: not more frames under way than keep the engine busy.
void Client::give_credit() {
  if (state_ != State::live || next_frame_) return;
  const auto steps = house_.studio.with_defaults(parameters_.live.options).t_index_list.size();
  owes_credit_ = stream_->counters().in_flight() > steps;
  if (!owes_credit_ && !paused_) send(status_message("send_frame"));
  owes_credit_ |= paused_;
}

void Client::change(const json::Json& object) {
  patch(object);
}

void Client::patch(const json::Json& object) {
  Parameters next = house_.table.apply(object, parameters_);
  try {
    if (stream_) stream_->change(next.live);
  } catch (const Error& error) {
    throw refusal_of(error);
  }
  parameters_ = std::move(next);
  quality_->store(parameters_.jpeg_quality);
  planning_ = stream_ && stream_->planning();
  if (state_ == State::live) send(dump(settings()));
}

}  // namespace streamdiffusion::server

// What a client sends: text messages and frames, in both protocols.
#include <nlohmann/json.hpp>

#include "params/limits.h"
#include "server/protocol/image_codec.h"
#include "server/sessions/client_session.h"

namespace streamdiffusion::server {
namespace {

/// A long text counts as several messages, because it is parsed on the network thread.
constexpr double kTextBytesPerMessage = 4096;

/// Throws HttpError 404 for a number of the query that is not below `count`, and where there is
/// `none`.
void require_one_of(std::size_t number, std::size_t count, const char* param, const char* none) {
  if (number < count) return;
  throw HttpError(
      404, "not_found",
      count == 0 ? none : base::concat(param, " is ", number, ", expected 0 to ", count - 1),
      param);
}

}  // namespace

bool ClientSession::within_rate(double messages) {
  last_message_ = base::Clock::now();
  if (message_rate_.take(messages)) return true;
  send_error(HttpError(429, "too_many_requests",
                       base::concat("more than ", context_.limits.messages_per_second,
                                    " messages a second")),
             true);
  release();
  return false;
}

void ClientSession::on_text(std::string_view message) {
  guarded([&] { take_text(message); });
}

void ClientSession::on_binary(std::string message) {
  guarded([&] { take_binary(std::move(message)); });
}

void ClientSession::take_text(std::string_view message) {
  if (!within_rate(1 + static_cast<double>(message.size()) / kTextBytesPerMessage)) return;
  try {
    if (message.size() > context_.limits.json_bytes) {
      throw HttpError(413, "bad_message",
                      base::concat("a text message has ", message.size(),
                                   " bytes, expected at most ", context_.limits.json_bytes));
    }
    handle(read_client_text(message, protocol_ == Protocol::legacy));
  } catch (const HttpError& http_error) {
    send_error(http_error);
    if (protocol_ == Protocol::legacy && next_frame_) {  // the client may retry
      next_frame_ = expects_image_ = false;
      send_frame_request();
    }
  }
}

void ClientSession::handle(const ClientText& message) {
  switch (message.kind) {
    case ClientText::Kind::settings:
      return patch(message.body);
    case ClientText::Kind::pause:
    case ClientText::Kind::resume:
      return set_paused(message.kind == ClientText::Kind::pause);
    case ClientText::Kind::ack:
      return;
    case ClientText::Kind::images:
      return choose_images(message.body.at("by").string() == "video");
    case ClientText::Kind::next_frame:
      return announce_frame();
    case ClientText::Kind::parameters:
      if (message.body.size() > 0) patch(message.body);
      if (!next_frame_) return;
      if (parameters_.live.options.text_to_image) {
        next_frame_ = false;
        submit({}, {});
        send_frame_request();
      } else {
        expects_image_ = true;
      }
  }
}

// One that comes again is refused alone: the frame that was announced may still follow.
void ClientSession::announce_frame() {
  if (next_frame_) {
    return send_error(HttpError(400, "bad_message",
                                base::concat("next_frame came again, expected ",
                                             expects_image_ ? "an image" : "parameters")));
  }
  next_frame_ = true;
}

void ClientSession::set_paused(bool paused) {
  paused_ = paused;
  if (stream_) paused_ ? stream_->pause() : stream_->resume();
}

void ClientSession::take_binary(std::string message) {
  if (!within_rate(1)) return;
  try {
    if (protocol_ == Protocol::binary) {
      const BinaryFrame frame = read_binary_frame(message);
      const std::size_t image_offset =
          message.size() - frame.header.control_bytes - frame.image.size();
      return submit(frame.header, std::move(message), image_offset);
    }
    if (!expects_image_) {
      throw HttpError(
          400, "bad_message",
          "an image came without a request; expected next_frame, then parameters, then an image");
    }
    next_frame_ = expects_image_ = false;
    submit({}, std::move(message));
    send_frame_request();
  } catch (const HttpError& http_error) {
    send_error(http_error);
    if (protocol_ == Protocol::legacy && state_ == State::live) send_frame_request();
  }
}

void ClientSession::submit(const FrameHeader& header, std::string message,
                           std::size_t image_offset) {
  if (state_ == State::opening) {
    early_frame_ = [this, header, message = std::move(message), image_offset] {
      submit(header, message, image_offset);
    };
    return;
  }
  if (state_ == State::waiting) {
    throw HttpError(400, "bad_frame", "a frame came while the client waits; expected `connected`");
  }
  if (state_ != State::live) return;
  const bool from_text = parameters_.live.options.text_to_image;
  const bool has_image = message.size() > image_offset + header.control_bytes;
  if (!from_text && !has_image) {
    throw HttpError(400, "bad_frame", "a frame came without an image, which mode img2img needs");
  }
  const bool controlled = !parameters_.live.options.control_settings.empty();
  if (header.control_bytes > 0 && !controlled) {
    throw HttpError(400, "bad_frame", "control_bytes needs a ControlNet, and the server has none",
                    "control_bytes");
  }
  note_image(has_image, from_text && !controlled);
  LiveFrame frame;
  auto tag = std::make_shared<FrameTag>(FrameTag{header, frame.captured});
  frame.tag = tag;
  const auto bytes = std::make_shared<const std::string>(std::move(message));
  const std::size_t end = bytes->size() - header.control_bytes;
  // From text alone, an image is what control images are made of.
  if (!from_text || (controlled && has_image)) {
    frame.image = [tag,
                   decode = decoding(bytes, image_offset, end - image_offset, frame_warnings_)] {
      tag->decoding = LiveClock::now();
      return decode();
    };
  }
  if (header.control_bytes > 0)
    frame.control_source = decoding(bytes, end, header.control_bytes, control_warnings_);
  try {
    stream_->submit(std::move(frame));
  } catch (const Error& error) {
    throw to_http_error(error);
  }
}

std::function<Image()> ClientSession::decoding(std::shared_ptr<const std::string> message,
                                               std::size_t offset, std::size_t size,
                                               std::shared_ptr<FrameWarnings> warnings) const {
  return [=, max_pixels = context_.limits.image_pixels] {
    std::vector<std::string> found;
    Image image = decode_image(std::string_view(*message).substr(offset, size), max_pixels, found);
    warnings->note(std::move(found));
    return image;
  };
}

void ClientSession::note_image(bool has_image, bool idle) {
  idle_images_ &= idle;
  if (!idle || !has_image || idle_images_) return;
  idle_images_ = true;
  send(dump(settings()));
}

void ClientSession::on_video_frame(const FrameView& image, std::shared_ptr<const void> owner) {
  guarded([&] {
    if (!within_rate(1)) return;
    if (state_ == State::opening) {
      early_frame_ = [this, image, owner = std::move(owner)] { submit_pixels(image, owner); };
    } else if (state_ == State::live) {
      submit_pixels(image, std::move(owner));
    }
  });
}

void ClientSession::begin_video(std::function<void()> end) {
  if (protocol_ != Protocol::binary || stop_video_) {
    throw HttpError(409, "conflict",
                    stop_video_
                        ? "this session has a WebRTC connection beside its WebSocket already"
                        : "this session is not one of a WebSocket with frames=binary");
  }
  stop_video_ = std::move(end);
}

void ClientSession::end_video() {
  stop_video_ = nullptr;
  images_by_video_ = false;
}

void ClientSession::choose_images(bool by_video) {
  images_by_video_ = by_video && stop_video_;
  if (!by_video && stop_video_) stop_video_();
}

void ClientSession::submit_pixels(const FrameView& image, std::shared_ptr<const void> owner) {
  LiveFrame frame;
  frame.tag = std::make_shared<FrameTag>(FrameTag{{}, frame.captured});
  const bool from_text = parameters_.live.options.text_to_image;
  if (!from_text || !parameters_.live.options.control_settings.empty()) {
    frame.pixels = image;
    frame.owner = std::move(owner);
  }
  stream_->submit(std::move(frame));
}

void ClientSession::submit_early_frame() {
  const auto submit_it = std::exchange(early_frame_, nullptr);
  if (!submit_it) return;
  try {
    submit_it();
  } catch (const HttpError& http_error) {
    send_error(http_error);
  }
}

// Legacy protocol: asks for the next frame while no more frames are in flight than the stream has
// denoising steps. That many keep the engine busy.
void ClientSession::send_frame_request() {
  if (state_ != State::live || next_frame_) return;
  const SessionOptions options = model_->factory->with_defaults(parameters_.live.options);
  frame_request_pending_ = stream_->counters().in_flight() > options.t_index_list.size();
  if (!frame_request_pending_ && !paused_) send(status_message("send_frame"));
  frame_request_pending_ |= paused_;
}

void ClientSession::patch(const json::Json& object, bool outside) {
  if (const auto name = wanted_model(object)) return change_model(*name, object);
  follow_stream();
  take(model_->table.apply(object, parameters_), outside);
}

void ClientSession::take(Parameters next, bool outside) {
  check_change(*model_, next);
  if (stream_) {
    try {
      note_change(stream_->change(next.live), model_, next);
    } catch (...) {
      throw current_http_error();
    }
  } else {
    parameters_ = std::move(next);
    set_load();
    quality_->store(parameters_.jpeg_quality);
    changed_while_opening_ = opening_;
  }
  reconfiguring_ = stream_ && stream_->reconfiguring();
  if (state_ != State::live) return;
  nlohmann::json message = settings();
  message["outside"] = outside;
  send(dump(message));
}

void ClientSession::check_style_adapter(std::size_t adapter) const {
  require_one_of(adapter, parameters_.live.options.image_prompts.size(), "adapter",
                 "the model has no IP-Adapter; the server is started with --ip-adapter");
}

void ClientSession::check_controlnet(std::size_t net) const {
  require_one_of(net, parameters_.live.options.control_settings.size(), "net",
                 "the model has no ControlNet; the server is started with --controlnet");
}

void ClientSession::set_style_image(std::size_t adapter, const std::shared_ptr<const Image>& image,
                                    bool add, const std::vector<std::string>& warnings) {
  check_style_adapter(adapter);
  Parameters next = parameters_;
  auto& images = next.live.options.image_prompts[adapter].images;
  if (!add) images.clear();
  if (image) images.push_back(image);
  if (images.size() > params::kMaxImagePromptImages) {
    throw HttpError(400, "bad_request",
                    base::concat("the IP-Adapter follows ", params::kMaxImagePromptImages,
                                 " images already, and there may be no more; PUT replaces them"),
                    "adapter");
  }
  next.given.insert("image_prompts");
  next.image_warnings.clear();
  for (const std::string& message : warnings)
    next.image_warnings.push_back({"image_prompts", message});
  model_->table.check_work(next);
  take(std::move(next), true);
}

std::shared_ptr<const Image> ClientSession::style_image(std::size_t adapter,
                                                        std::size_t image) const {
  check_style_adapter(adapter);
  const auto& images = parameters_.live.options.image_prompts[adapter].images;
  require_one_of(image, images.size(), "image", "the IP-Adapter follows no image");
  return images[image];
}

}  // namespace streamdiffusion::server

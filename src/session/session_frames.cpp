// What becomes of a session's frames: the images that come out, and those that are given up.
#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "session/session_impl.h"
#include "session/stopwatch.h"

namespace streamdiffusion {

using base::ErrorCode;
using graph::Lifetime;
using session::Stopwatch;

void Session::Impl::deliver(std::span<const float> latents, std::span<const stream::FrameId> ids) {
  if (std::none_of(ids.begin(), ids.end(), [](const auto& id) { return id.has_value(); })) return;
  const Stopwatch watch(times_.decode, waited_, engine_->turns);
  std::copy(latents.begin(), latents.end(), decoder_.input("latents").begin());
  run(decoder_, Lifetime::per_frame);
  if (const std::optional<std::size_t> slot = fed_back(ids)) {
    const auto last = latents.subspan(*slot * latent_.size(), latent_.size());
    last_latents_.assign(last.begin(), last.end());
  }
  finish_frames(ids);
}

void Session::Impl::finish_frames(std::span<const stream::FrameId> ids) {
  for (std::size_t slot = 0; slot < ids.size(); ++slot) {
    if (!ids[slot]) continue;
    frames_.finish(*ids[slot], make_output(static_cast<int>(slot)),
                   options_.enable_similar_image_filter);
  }
}

/// [h, w, c] to [c, h, w].
static std::vector<float> planes(const tensor::View& view) {
  const tensor::Shape& s = view.desc.shape;
  std::vector<float> out(static_cast<std::size_t>(s.elements()));
  const auto* from = view.as<float>();
  for (std::int64_t i = 0; i < s.elements(); ++i)
    out[static_cast<std::size_t>(i % s.c * s.tokens() + i / s.c)] = from[i];
  return out;
}

Output Session::Impl::make_output(int slot) const {
  Output output;
  const tensor::View pixels = decoder_.state->output("pixels").rows(slot, 1);
  const auto* bytes = pixels.as<std::uint8_t>();
  output.image = {*options_.width, *options_.height, {bytes, bytes + pixels.desc.bytes()}};
  if (options_.keep_tensors) {
    output.latents = planes(decoder_.state->input("latents").rows(slot, 1));
    output.pixels = planes(decoder_.state->output("image").rows(slot, 1));
  }
  return output;
}

bool Session::Impl::check_encoded(std::span<const float> latents) {
  if (std::all_of(latents.begin(), latents.end(), [](float v) { return std::isfinite(v); }))
    return true;
  for (stream::FrameId& id : entering_) {
    if (!id) continue;
    give_up(*id, not_encoded(*id));
    id.reset();
  }
  return false;
}

Error Session::Impl::not_encoded(std::uint64_t id) {
  return {ErrorCode::numeric, base::concat("the autoencoder's latents of frame ", id,
                                           " are not finite; it is given up")};
}

void Session::Impl::give_up(std::uint64_t id, const Error& error) {
  frames_.fail(error, [&](std::uint64_t frame) { return frame == id; });
}

/// Those frames that are in the batch no more, and do not come out.
void Session::Impl::give_up_lost(const Error& error) {
  forget_frames();
  frames_.fail(error, [&](std::uint64_t frame) {
    return !batch_->waiting(frame) &&
           std::find(leaving_.begin(), leaving_.end(), stream::FrameId(frame)) == leaving_.end();
  });
}

void Session::Impl::fail_all(const Error& error) {
  frames_.fail(error, [](std::uint64_t) { return true; });
  std::fill(entering_.begin(), entering_.end(), stream::FrameId());
  gathered_ = 0;
  if (batch_) batch_->clear();
  for (DeviceCall& call : calls_) call.open = false;
  if (step_) {
    step_->abandon();
    use_buffer(buffer_);
  }
  forget_frames();
}

}  // namespace streamdiffusion

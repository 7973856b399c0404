#include "stream/stream_batch.h"

#include <algorithm>

#include "base/error.h"

namespace streamdiffusion::stream {

using base::ErrorCode;

StreamBatch::StreamBatch(const RowLayout& layout, const LatentShape& shape,
                         StreamParameters parameters)
    : layout_(layout),
      size_(shape.size()),
      parameters_(std::move(parameters)),
      noise_(layout.steps, shape, parameters_.seeds) {
  base::require(static_cast<int>(parameters_.steps.size()) == layout.steps, ErrorCode::internal,
                "stream batch: ", parameters_.steps.size(), " steps for a layout of ",
                layout.steps);
  const std::size_t all = static_cast<std::size_t>(layout.stream_rows()) * size_;
  for (std::vector<float>* rows : {&x_, &stock_, &x0_, &e_, &gain_}) rows->assign(all, 0.0F);
  ids_.resize(static_cast<std::size_t>(layout.stream_rows()));
  finite_.resize(ids_.size());
}

void StreamBatch::set(const StreamParameters& parameters) {
  base::require(parameters.steps.size() == parameters_.steps.size(), ErrorCode::invalid_argument,
                "t_index_list has ", parameters.steps.size(), " entries, the stream has ",
                parameters_.steps.size(), " steps");
  noise_.set(parameters.seeds);
  parameters_ = parameters;
}

void StreamBatch::timesteps(std::span<float> out) const {
  for (int r = 0; r < layout_.unet_rows(); ++r) {
    const auto step = static_cast<std::size_t>(layout_.step_of(layout_.stream_row(r)));
    out[static_cast<std::size_t>(r)] = static_cast<float>(parameters_.steps[step].timestep);
  }
}

void StreamBatch::enter(std::span<const float> z, std::span<const FrameId> ids,
                        std::span<float> unet_input) {
  const schedule::DenoisingStep& first = parameters_.steps.front();
  const float* noise0 = noise_.step(0);
  for (int f = 0; f < layout_.frames; ++f) {
    float *x = row(x_, f), *stock = row(stock_, f);
    const float* clean = z.data() + static_cast<std::size_t>(f) * size_;
    for (std::size_t i = 0; i < size_; ++i) {
      x[i] = first.a * clean[i] + first.b * noise0[i];
      stock[i] = noise0[i];
    }
  }
  form_rows(ids, unet_input);
}

void StreamBatch::enter_noise(std::span<const float> x, std::span<const FrameId> ids,
                              std::span<float> unet_input) {
  std::copy(x.begin(), x.end(), x_.begin());
  std::copy(x.begin(), x.end(), stock_.begin());
  form_rows(ids, unet_input);
}

/// The waiting rows, each one step further than it was, and all of them in the UNet's order.
void StreamBatch::form_rows(std::span<const FrameId> ids, std::span<float> unet_input) {
  for (int r = layout_.frames; r < layout_.stream_rows(); ++r) {
    const int step = layout_.step_of(r), before = r - layout_.frames;
    noise_row(parameters_.steps[static_cast<std::size_t>(step)],
              {row(x0_, before), row(e_, before), row(gain_, before)},
              parameters_.do_add_noise ? noise_.step(step) : nullptr, size_, row(x_, r),
              row(stock_, r));
  }
  enter_ids(ids);
  for (int r = 0; r < layout_.unet_rows(); ++r) {
    std::copy_n(row(x_, layout_.stream_row(r)), size_,
                unet_input.data() + static_cast<std::size_t>(r) * size_);
  }
}

void StreamBatch::enter_ids(std::span<const FrameId> ids) {
  base::require(static_cast<int>(ids.size()) == layout_.frames, ErrorCode::internal,
                "stream batch: ", ids.size(), " ids for ", layout_.frames, " frames");
  std::shift_right(ids_.begin(), ids_.end(), layout_.frames);
  std::copy(ids.begin(), ids.end(), ids_.begin());
}

void StreamBatch::leave(std::span<const float> prediction, std::span<float> out,
                        std::span<FrameId> out_ids) {
  const Guidance guidance{layout_.cfg, parameters_.guidance_scale, parameters_.delta};
  const auto answer = [&](int unet_row) -> const float* {
    return unet_row < 0 ? nullptr : prediction.data() + static_cast<std::size_t>(unet_row) * size_;
  };
  for (int r = 0; r < layout_.stream_rows(); ++r) {
    const auto step = static_cast<std::size_t>(layout_.step_of(r));
    const bool finite = denoise_row(
        parameters_.steps[step], parameters_.prediction, guidance, row(x_, r), row(stock_, r),
        {answer(layout_.positive_row(r)), answer(layout_.negative_row(r))}, size_,
        {row(x0_, r), row(e_, r), row(gain_, r)});
    finite_[static_cast<std::size_t>(r)] = finite;
    if (finite) continue;
    for (std::vector<float>* rows : {&x0_, &e_, &gain_}) std::fill_n(row(*rows, r), size_, 0.0F);
  }
  const int last = layout_.stream_rows() - layout_.frames;
  finish_row(parameters_.steps.back(), row(x0_, last), row(e_, last), out.size(), out.data());
  int broken = -1;
  for (int r = 0; r < layout_.stream_rows(); ++r) {
    if (finite_[static_cast<std::size_t>(r)]) continue;
    if (holds_frame(r)) broken = r;
    ids_[static_cast<std::size_t>(r)].reset();
  }
  leave_ids(out_ids);
  if (broken >= 0) throw not_finite(broken);
}

void StreamBatch::leave_ids(std::span<FrameId> out_ids) {
  const int last = layout_.stream_rows() - layout_.frames;
  std::copy_n(ids_.begin() + last, out_ids.size(), out_ids.begin());
  std::fill(ids_.begin() + last, ids_.end(), FrameId());
}

void StreamBatch::give_up(std::uint64_t id) {
  std::replace(ids_.begin(), ids_.end(), FrameId(id), FrameId());
}

Error StreamBatch::not_finite(int stream_row) const {
  const int step = layout_.step_of(stream_row);
  return {ErrorCode::numeric,
          base::concat("the UNet's answer at step ", step, " (timestep ",
                       parameters_.steps[static_cast<std::size_t>(step)].timestep,
                       ") is not finite; its frame is given up")};
}

bool StreamBatch::waiting() const {
  return std::any_of(ids_.begin(), ids_.end(), [](const FrameId& id) { return id.has_value(); });
}

bool StreamBatch::waiting(std::uint64_t id) const {
  return std::find(ids_.begin(), ids_.end(), FrameId(id)) != ids_.end();
}

void StreamBatch::clear() {
  std::fill(ids_.begin(), ids_.end(), FrameId());
}

}  // namespace streamdiffusion::stream

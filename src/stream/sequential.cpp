#include "stream/sequential.h"

#include <algorithm>

#include "base/error.h"

namespace streamdiffusion::stream {

using base::ErrorCode;

Sequential::Sequential(int frames, CfgType cfg, const LatentShape& shape,
                       StreamParameters parameters)
    : layout_{1, frames, cfg},
      shape_(shape),
      parameters_(std::move(parameters)),
      noise_(steps(), shape, parameters_.seeds) {
  const std::size_t all = static_cast<std::size_t>(frames) * shape.size();
  for (std::vector<float>* rows : {&x_, &stock_, &x0_, &e_, &gain_}) rows->assign(all, 0.0F);
}

void Sequential::set(const StreamParameters& parameters) {
  base::require(parameters.steps.size() == parameters_.steps.size(), ErrorCode::invalid_argument,
                "t_index_list has ", parameters.steps.size(), " entries, the stream has ",
                parameters_.steps.size(), " steps");
  noise_.set(parameters.seeds);
  parameters_ = parameters;
}

void Sequential::begin(std::span<const float> z) {
  const schedule::DenoisingStep& first = parameters_.steps.front();
  for (std::size_t i = 0; i < z.size(); ++i) {
    const float fresh = noise_.step(0)[i % shape_.size()];
    x_[i] = first.a * z[i] + first.b * fresh;
    stock_[i] = fresh;
  }
}

void Sequential::begin_noise(std::span<const float> x) {
  std::copy(x.begin(), x.end(), x_.begin());
  std::copy(x.begin(), x.end(), stock_.begin());
}

void Sequential::enter(int step, std::span<float> unet_input, std::span<float> timesteps) {
  const std::size_t size = shape_.size();
  const schedule::DenoisingStep& s = parameters_.steps[static_cast<std::size_t>(step)];
  if (step > 0) {
    const float* fresh = parameters_.do_add_noise ? noise_.step(step) : nullptr;
    for (std::size_t at = 0; at < x_.size(); at += size) {
      noise_row(s, {x0_.data() + at, e_.data() + at, gain_.data() + at}, fresh, size,
                x_.data() + at, stock_.data() + at);
    }
  }
  for (int r = 0; r < layout_.unet_rows(); ++r) {
    const auto from = static_cast<std::size_t>(layout_.stream_row(r)) * size;
    std::copy_n(x_.data() + from, size, unet_input.data() + static_cast<std::size_t>(r) * size);
    timesteps[static_cast<std::size_t>(r)] = static_cast<float>(s.timestep);
  }
}

void Sequential::leave(int step, std::span<const float> prediction) {
  const std::size_t size = shape_.size();
  const schedule::DenoisingStep& s = parameters_.steps[static_cast<std::size_t>(step)];
  const Guidance guidance{layout_.cfg, parameters_.guidance_scale, parameters_.delta};
  const bool uses_negative =
      layout_.cfg == CfgType::full || step == 0;  // onetime-negative: at the first step only
  bool finite = true;
  for (int f = 0; f < layout_.frames; ++f) {
    const int negative = uses_negative ? layout_.negative_row(f) : -1;
    const auto answer = [&](int r) {
      return r < 0 ? nullptr : prediction.data() + static_cast<std::size_t>(r) * size;
    };
    const std::size_t at = static_cast<std::size_t>(f) * size;
    finite &= denoise_row(s, parameters_.prediction, guidance, x_.data() + at, stock_.data() + at,
                          {answer(layout_.positive_row(f)), answer(negative)}, size,
                          {x0_.data() + at, e_.data() + at, gain_.data() + at});
  }
  base::require(finite, ErrorCode::numeric, "the UNet's answer at step ", step, " (timestep ",
                s.timestep, ") is not finite");
  if (step == steps() - 1) finish_row(s, x0_.data(), e_.data(), x0_.size(), x0_.data());
}

}  // namespace streamdiffusion::stream

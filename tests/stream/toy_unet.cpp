#include "stream/toy_unet.h"

#include <algorithm>
#include <cmath>

namespace streamdiffusion::stream::testing {

double relative_error(const std::vector<float>& found, const std::vector<float>& expected) {
  if (found.size() != expected.size()) return INFINITY;
  double most = 0, scale = 1e-6;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double difference = double{found[i]} - double{expected[i]};
    most = std::isfinite(difference) ? std::max(most, std::abs(difference)) : INFINITY;
    scale = std::max(scale, std::abs(double{expected[i]}));
  }
  return most / scale;
}

std::vector<float> toy_unet(const RowLayout& layout, const std::vector<float>& rows,
                            const std::vector<float>& timesteps) {
  std::vector<float> out(rows.size());
  const std::vector<int> prompts = layout.prompt_of_row();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::size_t row = i / kShape.size();
    const float prompt = prompts[row] == 0 ? 0.3F : -0.2F;
    out[i] = 0.8F * std::tanh(rows[i]) + prompt * std::cos(rows[i] + 0.001F * timesteps[row]);
  }
  return out;
}

StreamParameters parameters(const std::vector<int>& t_index_list) {
  return parameters(schedule::StepOptions{.t_index_list = t_index_list});
}

StreamParameters parameters(const schedule::StepOptions& options,
                            const schedule::SchedulerConfig& config) {
  StreamParameters p;
  p.steps = schedule::Schedule(config).steps(options);
  p.prediction = options.prediction;
  p.guidance_scale = 1.4F;
  p.delta = 0.7F;
  return p;
}

std::vector<float> frame(std::uint64_t id) {
  std::vector<float> z(kShape.size());
  for (std::size_t i = 0; i < z.size(); ++i)
    z[i] = std::sin(0.37F * static_cast<float>(i) + static_cast<float>(id));
  return z;
}

ToyStream::ToyStream(const RowLayout& layout, const StreamParameters& parameters)
    : batch_(layout, kShape, parameters),
      rows_(static_cast<std::size_t>(layout.unet_rows()) * kShape.size()) {}

void ToyStream::call(std::uint64_t first) {
  std::vector<FrameId> ids;
  std::vector<float> z;
  for (int f = 0; f < batch_.layout().frames; ++f) {
    ids.emplace_back(first + static_cast<std::uint64_t>(f));
    const std::vector<float> one = frame(*ids.back());
    z.insert(z.end(), one.begin(), one.end());
  }
  step(ids, z);
}

void ToyStream::call_empty() {
  const auto frames = static_cast<std::size_t>(batch_.layout().frames);
  step(std::vector<FrameId>(frames), std::vector<float>(frames * kShape.size(), 0.5F));
}

void ToyStream::step(const std::vector<FrameId>& ids, const std::vector<float>& z) {
  std::vector<float> timesteps(static_cast<std::size_t>(batch_.layout().unet_rows())),
      out(z.size());
  std::vector<FrameId> out_ids(ids.size());
  batch_.timesteps(timesteps);
  batch_.enter(z, ids, rows_);
  batch_.leave(toy_unet(batch_.layout(), rows_, timesteps), out, out_ids);
  for (std::size_t f = 0; f < out_ids.size(); ++f) {
    if (!out_ids[f]) continue;
    const auto first = out.begin() + static_cast<std::ptrdiff_t>(f * kShape.size());
    outputs_[*out_ids[f]] = {first, first + static_cast<std::ptrdiff_t>(kShape.size())};
    order_.push_back(*out_ids[f]);
  }
}

std::map<std::uint64_t, std::vector<float>> sequential_outputs(int frames, CfgType cfg,
                                                               const StreamParameters& parameters,
                                                               std::uint64_t count) {
  Sequential sequential(frames, cfg, kShape, parameters);
  std::map<std::uint64_t, std::vector<float>> outputs;
  const auto rows = static_cast<std::size_t>(sequential.layout().unet_rows());
  std::vector<float> input(rows * kShape.size()), timesteps(rows);
  for (std::uint64_t first = 0; first < count; first += static_cast<std::uint64_t>(frames)) {
    std::vector<float> z;
    for (int f = 0; f < frames; ++f) {
      const std::vector<float> one = frame(first + static_cast<std::uint64_t>(f));
      z.insert(z.end(), one.begin(), one.end());
    }
    sequential.begin(z);
    for (int step = 0; step < sequential.steps(); ++step) {
      sequential.enter(step, input, timesteps);
      sequential.leave(step, toy_unet(sequential.layout(), input, timesteps));
    }
    for (int f = 0; f < frames; ++f) {
      const auto at = sequential.result().begin() +
                      static_cast<std::ptrdiff_t>(static_cast<std::size_t>(f) * kShape.size());
      outputs[first + static_cast<std::uint64_t>(f)] = {
          at, at + static_cast<std::ptrdiff_t>(kShape.size())};
    }
  }
  return outputs;
}

}  // namespace streamdiffusion::stream::testing

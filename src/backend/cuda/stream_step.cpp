#include "backend/cuda/stream_step.h"

#include <algorithm>
#include <cstring>

#include "backend/cuda/kernels/launch.h"
#include "base/error.h"

namespace streamdiffusion::backend::cuda {
namespace {

const CudaState& of_card(const State& state) {
  const auto* cuda_state = dynamic_cast<const CudaState*>(&state);
  base::require(cuda_state != nullptr, base::ErrorCode::internal, "a state of another device");
  return *cuda_state;
}

float* input(const State& state, std::string_view name) {
  const CudaState& on_card = of_card(state);
  return reinterpret_cast<float*>(on_card.on_card(on_card.layout().input(name)));
}

const float* output(const State& state, std::string_view name) {
  const CudaState& on_card = of_card(state);
  return reinterpret_cast<const float*>(on_card.on_card(on_card.layout().output(name)));
}

float* floats(const DeviceBuffer& buffer) {
  return reinterpret_cast<float*>(buffer.data());
}

}  // namespace

CudaStreamStep::CudaStreamStep(Runtime& runtime, const StreamStepShape& shape)
    : runtime_(runtime),
      shape_(shape),
      noise_(runtime, static_cast<std::size_t>(shape.steps) * row_bytes()),
      x_(runtime, static_cast<std::size_t>(shape.stream_rows()) * row_bytes()),
      stock_(runtime, x_.size()),
      waiting_(runtime, 3 * x_.size()),
      last_(runtime, row_bytes()),
      fresh_(runtime, shape.from_noise ? frames_bytes() : 0),
      table_(runtime, table_bytes()),
      noise_here_(runtime, noise_.size()),
      fresh_here_(runtime, fresh_.size()),
      table_here_(runtime, table_.size()),
      finished_here_(runtime, shape.keeps_finished ? frames_bytes() : 0) {
  for (int i = 0; i < kMarks; ++i) events_.push_back(runtime.make_event());
}

void CudaStreamStep::set_noise(std::span<const float> noise) {
  base::require(noise.size_bytes() == noise_.size(), base::ErrorCode::internal,
                "stream step: ", noise.size_bytes(), " bytes of noise, expected ", noise_.size());
  const StreamLock stream(runtime_);
  std::memcpy(noise_here_.data(), noise.data(), noise_.size());
  runtime_.upload(noise_.data(), noise_here_.data(), noise_.size());
  runtime_.synchronize();
}

void CudaStreamStep::mark(Mark mark) {
  const StreamLock stream(runtime_);
  events_[mark]->record();
}

void CudaStreamStep::begin() {
  const StreamLock stream(runtime_);
  if (running_) runtime_.synchronize();
  running_ = true;
  events_[kBegin]->record();
}

void CudaStreamStep::write_table(const StreamStepSettings& settings) {
  base::require(settings.steps.size() == static_cast<std::size_t>(shape_.steps),
                base::ErrorCode::internal, "stream step: ", settings.steps.size(),
                " steps, expected ", shape_.steps);
  std::memcpy(table_here_.data(), settings.steps.data(), settings.steps.size_bytes());
  std::memset(table_here_.data() + settings.steps.size_bytes(), 0, flags_bytes());
  runtime_.upload(table_.data(), table_here_.data(), table_.size());
}

void CudaStreamStep::enter(const StreamStepSettings& settings, const State* encoder,
                           std::span<const float> noise, State& unet) {
  const StreamLock stream(runtime_);
  settings_ = settings;
  settings_.steps = {};
  write_table(settings);
  if (shape_.from_noise) {
    base::require(noise.size_bytes() == fresh_.size(), base::ErrorCode::internal,
                  "stream step: ", noise.size_bytes(), " bytes of new frames, expected ",
                  fresh_.size());
    std::memcpy(fresh_here_.data(), noise.data(), fresh_.size());
    runtime_.upload(fresh_.data(), fresh_here_.data(), fresh_.size());
  }
  launch_enter_rows({.fresh = shape_.from_noise ? floats(fresh_) : output(*encoder, "latents"),
                     .last = floats(last_),
                     .waiting = floats(waiting_),
                     .noise = floats(noise_),
                     .steps = reinterpret_cast<const StepCoefficients*>(table_.data()),
                     .broken_frames = broken_on_card(),
                     .x = floats(x_),
                     .stock = floats(stock_),
                     .unet = input(unet, "latents"),
                     .frames = shape_.frames,
                     .stream_rows = shape_.stream_rows(),
                     .negative_rows = shape_.negative_rows,
                     .row_elements = static_cast<std::int64_t>(shape_.row_elements),
                     .from_noise = shape_.from_noise,
                     .add_noise = settings.add_noise,
                     .feedback = settings.feedback},
                    runtime_.stream());
}

void CudaStreamStep::leave(const State& unet, State& decoder) {
  const StreamLock stream(runtime_);
  float* finished = input(decoder, "latents");
  finished_on_card_ = reinterpret_cast<std::byte*>(finished);
  launch_denoise_rows({.prediction = output(unet, "prediction"),
                       .x = floats(x_),
                       .stock = floats(stock_),
                       .steps = reinterpret_cast<const StepCoefficients*>(table_.data()),
                       .broken_rows = broken_on_card() + shape_.frames,
                       .waiting = floats(waiting_),
                       .finished = finished,
                       .steps_count = shape_.steps,
                       .frames = shape_.frames,
                       .stream_rows = shape_.stream_rows(),
                       .negative_rows = shape_.negative_rows,
                       .row_elements = static_cast<std::int64_t>(shape_.row_elements),
                       .prediction_type = settings_.prediction,
                       .cfg = shape_.cfg,
                       .guided = settings_.guided,
                       .scale = settings_.scale,
                       .delta = settings_.delta},
                      runtime_.stream());
  runtime_.download(reinterpret_cast<std::byte*>(broken_here()),
                    reinterpret_cast<const std::byte*>(broken_on_card()), flags_bytes());
  if (shape_.keeps_finished) {
    runtime_.download(finished_here_.data(), finished_on_card_, frames_bytes());
  }
  events_[kDenoised]->record();
}

void CudaStreamStep::wait() {
  const StreamLock stream(runtime_);
  events_[kEnd]->record();
  runtime_.synchronize();
  running_ = false;
}

std::span<const float> CudaStreamStep::finished() const {
  return {
      reinterpret_cast<const float*>(finished_here_.data()),
      shape_.keeps_finished ? static_cast<std::size_t>(shape_.frames) * shape_.row_elements : 0};
}

StageSeconds CudaStreamStep::seconds() const {
  const auto between = [&](Mark from, Mark to) {
    return events_[to]->seconds_since(*events_[from]);
  };
  return {between(kBegin, kEncoded), between(kEncoded, kDenoised), between(kDenoised, kEnd)};
}

void CudaStreamStep::keep_last(int frame) {
  const StreamLock stream(runtime_);
  runtime_.copy(last_.data(), finished_on_card_ + static_cast<std::size_t>(frame) * row_bytes(),
                row_bytes());
}

}  // namespace streamdiffusion::backend::cuda

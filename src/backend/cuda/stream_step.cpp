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

std::size_t steps_bytes(const StreamStepShape& shape) {
  return static_cast<std::size_t>(shape.steps) * sizeof(StepCoefficients);
}

std::size_t flags_bytes(const StreamStepShape& shape) {
  return static_cast<std::size_t>(shape.frames + shape.stream_rows()) * sizeof(std::int32_t);
}

std::size_t frames_bytes(const StreamStepShape& shape) {
  return static_cast<std::size_t>(shape.frames) * shape.row_elements * sizeof(float);
}

}  // namespace

CudaStreamStep::Buffer::Buffer(Runtime& runtime, const StreamStepShape& shape)
    : table(runtime, steps_bytes(shape) + flags_bytes(shape)),
      table_here(runtime, table.size()),
      fresh(runtime, shape.from_noise ? frames_bytes(shape) : 0),
      fresh_here(runtime, fresh.size()),
      finished(runtime, shape.keeps_finished ? frames_bytes(shape) : 0),
      finished_here(runtime, finished.size()),
      uploaded(runtime.make_event()),
      done(runtime.make_event()) {
  for (int i = 0; i < kMarks; ++i) marks.push_back(runtime.make_event());
}

CudaStreamStep::CudaStreamStep(Runtime& runtime, const StreamStepShape& shape)
    : runtime_(runtime),
      shape_(shape),
      noise_(runtime, static_cast<std::size_t>(shape.steps) * row_bytes()),
      x_(runtime, static_cast<std::size_t>(shape.stream_rows()) * row_bytes()),
      stock_(runtime, x_.size()),
      waiting_(runtime, 3 * x_.size()),
      last_(runtime, row_bytes()),
      noise_here_(runtime, noise_.size()),
      buffers_{{{runtime, shape}, {runtime, shape}}} {}

CudaStreamStep::~CudaStreamStep() {
  try {
    const StreamLock stream(runtime_);
    runtime_.synchronize();
  } catch (const base::Error&) {
    // the card has failed, and does nothing more
  }
}

std::int32_t* CudaStreamStep::flags_in(std::byte* table) const {
  return reinterpret_cast<std::int32_t*>(table + steps_bytes(shape_));
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
  current().marks[mark]->record();
}

void CudaStreamStep::begin(int buffer) {
  const StreamLock stream(runtime_);
  if (abandoned_) {
    runtime_.synchronize();
    for (Buffer& each : buffers_) each.pending = false;
    abandoned_ = false;
  }
  current_ = static_cast<std::size_t>(buffer);
  base::require(!current().pending, base::ErrorCode::internal,
                "stream step: the last call in buffer ", buffer, " was not waited for");
  current().pending = true;
  current().marks[kBegin]->record();
}

/// Beside the call before; this one waits for them on the card.
void CudaStreamStep::upload_inputs(const StreamStepSettings& settings,
                                   std::span<const float> noise) {
  base::require(settings.steps.size() == static_cast<std::size_t>(shape_.steps),
                base::ErrorCode::internal, "stream step: ", settings.steps.size(),
                " steps, expected ", shape_.steps);
  Buffer& buffer = current();
  std::memcpy(buffer.table_here.data(), settings.steps.data(), settings.steps.size_bytes());
  std::memset(flags_in(buffer.table_here.data()), 0, flags_bytes(shape_));
  runtime_.upload_beside(buffer.table.data(), buffer.table_here.data(), buffer.table.size());
  if (shape_.from_noise) {
    base::require(noise.size_bytes() == buffer.fresh.size(), base::ErrorCode::internal,
                  "stream step: ", noise.size_bytes(), " bytes of new frames, expected ",
                  buffer.fresh.size());
    std::memcpy(buffer.fresh_here.data(), noise.data(), buffer.fresh.size());
    runtime_.upload_beside(buffer.fresh.data(), buffer.fresh_here.data(), buffer.fresh.size());
  }
  buffer.uploaded->record(Queue::upload);
  runtime_.wait_for(*buffer.uploaded, Queue::compute);
}

void CudaStreamStep::enter(const StreamStepSettings& settings, const State* encoder,
                           std::span<const float> noise, State& unet) {
  const StreamLock stream(runtime_);
  settings_ = settings;
  settings_.steps = {};
  upload_inputs(settings, noise);
  Buffer& buffer = current();
  launch_enter_rows(
      {.fresh = shape_.from_noise ? floats(buffer.fresh) : output(*encoder, "latents"),
       .last = floats(last_),
       .waiting = floats(waiting_),
       .noise = floats(noise_),
       .steps = reinterpret_cast<const StepCoefficients*>(buffer.table.data()),
       .broken_frames = flags_in(buffer.table.data()),
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
  Buffer& buffer = current();
  float* finished = input(decoder, "latents");
  finished_on_card_ = reinterpret_cast<std::byte*>(finished);
  launch_denoise_rows({.prediction = output(unet, "prediction"),
                       .x = floats(x_),
                       .stock = floats(stock_),
                       .steps = reinterpret_cast<const StepCoefficients*>(buffer.table.data()),
                       .broken_rows = flags_in(buffer.table.data()) + shape_.frames,
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
  download_results();
}

void CudaStreamStep::download_results() {
  Buffer& buffer = current();
  if (shape_.keeps_finished)
    runtime_.copy(buffer.finished.data(), finished_on_card_, buffer.finished.size());
  buffer.marks[kDenoised]->record();
  runtime_.wait_for(*buffer.marks[kDenoised], Queue::download);
  runtime_.download_beside(reinterpret_cast<std::byte*>(flags_in(buffer.table_here.data())),
                           reinterpret_cast<std::byte*>(flags_in(buffer.table.data())),
                           flags_bytes(shape_));
  if (shape_.keeps_finished) {
    runtime_.download_beside(buffer.finished_here.data(), buffer.finished.data(),
                             buffer.finished.size());
  }
}

void CudaStreamStep::end() {
  const StreamLock stream(runtime_);
  Buffer& buffer = current();
  buffer.marks[kDecoded]->record();
  runtime_.wait_for(*buffer.marks[kDecoded], Queue::download);
  buffer.done->record(Queue::download);
}

void CudaStreamStep::wait(int buffer) {
  waited_ = static_cast<std::size_t>(buffer);
  buffers_[waited_].done->synchronize();
  buffers_[waited_].pending = false;
}

std::span<const float> CudaStreamStep::finished() const {
  const Buffer& buffer = buffers_[waited_];
  return {reinterpret_cast<const float*>(buffer.finished_here.data()),
          buffer.finished.size() / sizeof(float)};
}

StageSeconds CudaStreamStep::seconds() const {
  const auto& marks = buffers_[waited_].marks;
  const auto between = [&](Mark from, Mark to) { return marks[to]->seconds_since(*marks[from]); };
  return {between(kBegin, kEncoded), between(kEncoded, kDenoised), between(kDenoised, kDecoded)};
}

void CudaStreamStep::keep_last(int frame) {
  const StreamLock stream(runtime_);
  runtime_.copy(last_.data(), finished_on_card_ + static_cast<std::size_t>(frame) * row_bytes(),
                row_bytes());
}

}  // namespace streamdiffusion::backend::cuda

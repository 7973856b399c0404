// The stream batch in a card's memory: two kernels and a few small copies a call.
#pragma once

#include <cstdint>
#include <vector>

#include "backend/cuda/runtime.h"
#include "backend/cuda/state.h"

namespace streamdiffusion::backend::cuda {

class CudaStreamStep final : public StreamStep {
 public:
  CudaStreamStep(Runtime& runtime, const StreamStepShape& shape);

  void set_noise(std::span<const float> noise) override;
  void begin() override;
  void encoded() override { mark(kEncoded); }
  void enter(const StreamStepSettings& settings, const State* encoder, std::span<const float> noise,
             State& unet) override;
  void leave(const State& unet, State& decoder) override;
  void wait() override;
  bool encoded_is_finite(int frame) const override { return broken_here()[frame] == 0; }
  bool is_finite(int stream_row) const override {
    return broken_here()[shape_.frames + stream_row] == 0;
  }
  std::span<const float> finished() const override;
  StageSeconds seconds() const override;
  void keep_last(int frame) override;

 private:
  enum Mark { kBegin, kEncoded, kDenoised, kEnd, kMarks };
  /// What is uploaded with each call: the steps, and flags that are 0, of new frames and of rows.
  std::size_t table_bytes() const { return steps_bytes() + flags_bytes(); }
  std::size_t steps_bytes() const {
    return static_cast<std::size_t>(shape_.steps) * sizeof(StepCoefficients);
  }
  std::size_t flags_bytes() const {
    return static_cast<std::size_t>(shape_.frames + shape_.stream_rows()) * sizeof(std::int32_t);
  }
  std::size_t row_bytes() const { return shape_.row_elements * sizeof(float); }
  std::size_t frames_bytes() const { return static_cast<std::size_t>(shape_.frames) * row_bytes(); }
  /// The flags, in the copy of the table here and in that on the card.
  std::int32_t* broken_here() const { return flags_in(table_here_.data()); }
  std::int32_t* broken_on_card() const { return flags_in(table_.data()); }
  std::int32_t* flags_in(std::byte* table) const {
    return reinterpret_cast<std::int32_t*>(table + steps_bytes());
  }
  void write_table(const StreamStepSettings& settings);
  void mark(Mark mark);

  Runtime& runtime_;
  const StreamStepShape shape_;
  StreamStepSettings settings_;
  /// [steps][row]; by stream row; [x0, e, gain][stream row]; a row.
  DeviceBuffer noise_, x_, stock_, waiting_, last_;
  /// New frames as noise, if they enter so.
  DeviceBuffer fresh_;
  DeviceBuffer table_;
  PinnedBuffer noise_here_, fresh_here_, table_here_, finished_here_;
  std::vector<std::unique_ptr<Event>> events_;
  /// Of the last call: the decoder's input.
  std::byte* finished_on_card_ = nullptr;
  /// Whether work of a call may still run.
  bool running_ = false;
};

}  // namespace streamdiffusion::backend::cuda

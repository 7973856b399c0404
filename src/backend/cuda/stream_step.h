// The stream batch in a card's memory: two kernels and a few small copies a call.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "backend/cuda/runtime.h"
#include "backend/cuda/state.h"

namespace streamdiffusion::backend::cuda {

class CudaStreamStep final : public StreamStep {
 public:
  CudaStreamStep(Runtime& runtime, const StreamStepShape& shape);
  ~CudaStreamStep() override;
  CudaStreamStep(const CudaStreamStep&) = delete;
  CudaStreamStep& operator=(const CudaStreamStep&) = delete;

  void set_noise(std::span<const float> noise) override;
  void begin(int buffer) override;
  void encoded() override { mark(kEncoded); }
  void enter(const StreamStepSettings& settings, const State* encoder, std::span<const float> noise,
             State& unet) override;
  void leave(const State& unet, State& decoder) override;
  void end() override;
  void wait(int buffer) override;
  void abandon() override { abandoned_ = true; }
  bool encoded_is_finite(int frame) const override { return flags(waited_)[frame] == 0; }
  bool is_finite(int stream_row) const override {
    return flags(waited_)[shape_.frames + stream_row] == 0;
  }
  std::span<const float> finished() const override;
  StageSeconds seconds() const override;
  void keep_last(int frame) override;

 private:
  enum Mark { kBegin, kEncoded, kDenoised, kDecoded, kMarks };
  /// What a call has of its own, so that the next one can be queued beside it.
  struct Buffer {
    Buffer(Runtime& runtime, const StreamStepShape& shape);
    /// The steps, then flags that are 0, of new frames and of rows. Uploaded with each call; the
    /// flags come back.
    DeviceBuffer table;
    PinnedBuffer table_here;
    /// New frames as noise, if they enter so.
    DeviceBuffer fresh;
    PinnedBuffer fresh_here;
    /// Finished latents, if the host gets them.
    DeviceBuffer finished;
    PinnedBuffer finished_here;
    std::vector<std::unique_ptr<Event>> marks;
    /// That the table and the new frames are on the card, and that all of the call is done.
    std::unique_ptr<Event> uploaded, done;
    /// Whether the call was begun and not waited for.
    bool pending = false;
  };
  std::size_t row_bytes() const { return shape_.row_elements * sizeof(float); }
  Buffer& current() { return buffers_[current_]; }
  /// Of a copy of the table.
  std::int32_t* flags_in(std::byte* table) const;
  const std::int32_t* flags(std::size_t buffer) const {
    return flags_in(buffers_[buffer].table_here.data());
  }
  void upload_inputs(const StreamStepSettings& settings, std::span<const float> noise);
  void download_results();
  void mark(Mark mark);

  Runtime& runtime_;
  const StreamStepShape shape_;
  StreamStepSettings settings_;
  /// [steps][row]; by stream row; [x0, e, gain][stream row]; a row.
  DeviceBuffer noise_, x_, stock_, waiting_, last_;
  PinnedBuffer noise_here_;
  std::array<Buffer, kFrameBuffers> buffers_;
  /// That of the call that is being queued, and that of the call that was waited for last.
  std::size_t current_ = 0, waited_ = 0;
  /// Of the last call: the decoder's input.
  std::byte* finished_on_card_ = nullptr;
  bool abandoned_ = false;
};

}  // namespace streamdiffusion::backend::cuda

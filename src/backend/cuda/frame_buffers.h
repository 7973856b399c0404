// The inputs and outputs of a stream that change with every frame, once for each frame that is on
// its way: on the card and in pinned memory. They are copied on streams of their own, beside the
// frame before. A program reads and writes one place, because a CUDA graph keeps its addresses:
// copies within the card, in the order of its work, lead there and away.
#pragma once

#include <array>
#include <memory>
#include <span>
#include <vector>

#include "backend/cuda/runtime.h"
#include "backend/host/state_layout.h"

namespace streamdiffusion::backend::cuda {

/// Inputs that a program reads and outputs that it writes.
struct Transfers {
  std::vector<const host::StateLayout::Port*> inputs, outputs;
};

class FrameBuffers {
 public:
  FrameBuffers(Runtime& runtime, const Transfers& ports);

  bool has(const host::StateLayout::Port& port) const { return find(port) != nullptr; }
  /// In pinned memory, of a port that it has.
  std::byte* here(const host::StateLayout::Port& port) const;
  void use(int buffer) { used_ = static_cast<std::size_t>(buffer); }

  /// Queue the copies of the inputs into the stream's memory, and of the outputs out of it. The
  /// frame that used the buffer before must have been waited for.
  void copy_inputs(std::byte* memory);
  void copy_outputs(const std::byte* memory);

 private:
  struct Place {
    const host::StateLayout::Port* port;
    /// From the start of a buffer, in bytes.
    std::size_t offset;
  };
  struct Buffer {
    Buffer(Runtime& runtime, std::size_t bytes);
    DeviceBuffer on_card;
    PinnedBuffer here;
    /// That inputs are on the card, and that outputs are in on_card.
    std::unique_ptr<Event> uploaded, computed;
  };
  const Place* find(const host::StateLayout::Port& port) const;
  static std::vector<Place> places_of(const Transfers& ports);

  Runtime& runtime_;
  /// Inputs first.
  const std::vector<Place> places_;
  const std::size_t inputs_;
  std::array<Buffer, kFrameBuffers> buffers_;
  std::size_t used_ = 0;
};

}  // namespace streamdiffusion::backend::cuda

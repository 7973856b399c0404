#include "backend/cuda/frame_buffers.h"

#include <algorithm>

#include "base/align.h"

namespace streamdiffusion::backend::cuda {
namespace {

using Port = host::StateLayout::Port;

std::size_t bytes_of(const Port& port) {
  return base::aligned(port.desc.bytes());
}

std::size_t bytes_of(const Transfers& ports) {
  std::size_t bytes = 0;
  for (const auto* list : {&ports.inputs, &ports.outputs})
    for (const Port* port : *list) bytes += bytes_of(*port);
  return bytes;
}

}  // namespace

FrameBuffers::Buffer::Buffer(Runtime& runtime, std::size_t bytes)
    : on_card(runtime, bytes),
      here(runtime, bytes),
      uploaded(runtime.make_event()),
      computed(runtime.make_event()) {
  std::fill_n(here.data(), bytes, std::byte{});
}

FrameBuffers::FrameBuffers(Runtime& runtime, const Transfers& ports)
    : runtime_(runtime),
      places_(places_of(ports)),
      inputs_(ports.inputs.size()),
      buffers_{{{runtime, bytes_of(ports)}, {runtime, bytes_of(ports)}}} {}

std::vector<FrameBuffers::Place> FrameBuffers::places_of(const Transfers& ports) {
  std::vector<Place> places;
  std::size_t offset = 0;
  for (const auto* list : {&ports.inputs, &ports.outputs}) {
    for (const Port* port : *list) {
      places.push_back({port, offset});
      offset += bytes_of(*port);
    }
  }
  return places;
}

const FrameBuffers::Place* FrameBuffers::find(const Port& port) const {
  const auto place = std::ranges::find(places_, &port, &Place::port);
  return place == places_.end() ? nullptr : &*place;
}

std::byte* FrameBuffers::here(const Port& port) const {
  return buffers_[used_].here.data() + find(port)->offset;
}

void FrameBuffers::copy_inputs(std::byte* memory) {
  if (inputs_ == 0) return;
  Buffer& buffer = buffers_[used_];
  const std::span<const Place> places(places_.data(), inputs_);
  for (const auto& [port, offset] : places) {
    runtime_.upload_beside(buffer.on_card.data() + offset, buffer.here.data() + offset,
                           port->desc.bytes());
  }
  buffer.uploaded->record(Queue::upload);
  runtime_.wait_for(*buffer.uploaded, Queue::compute);
  for (const auto& [port, offset] : places)
    runtime_.copy(memory + port->offset, buffer.on_card.data() + offset, port->desc.bytes());
}

void FrameBuffers::copy_outputs(const std::byte* memory) {
  if (inputs_ == places_.size()) return;
  Buffer& buffer = buffers_[used_];
  const auto places = std::span(places_).subspan(inputs_);
  for (const auto& [port, offset] : places)
    runtime_.copy(buffer.on_card.data() + offset, memory + port->offset, port->desc.bytes());
  buffer.computed->record();
  runtime_.wait_for(*buffer.computed, Queue::download);
  for (const auto& [port, offset] : places) {
    runtime_.download_beside(buffer.here.data() + offset, buffer.on_card.data() + offset,
                             port->desc.bytes());
  }
}

}  // namespace streamdiffusion::backend::cuda

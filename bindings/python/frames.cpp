#include "frames.h"

#include "calls.h"

namespace nb = nanobind;

namespace streamdiffusion::python {
namespace {

std::int32_t memory_of(const Pixels& pixels) {
  constexpr int kCudaManaged = 13;  // of DLPack
  const int device = pixels.device_type();
  if (device == nb::device::cpu::value || device == nb::device::cuda_host::value)
    return STREAMDIFFUSION_MEMORY_HOST;
  if (device == nb::device::cuda::value || device == kCudaManaged)
    return STREAMDIFFUSION_MEMORY_CUDA;
  raise(STREAMDIFFUSION_INVALID_ARGUMENT,
        "a frame is in the memory of another device, expected this machine's or an NVIDIA card's",
        "");
}

}  // namespace

streamdiffusion_frame frame_of(const Pixels& pixels, const std::string& format, std::uint64_t tag,
                               std::int64_t captured_ns) {
  streamdiffusion_frame frame;
  streamdiffusion_frame_init(&frame, sizeof frame);
  const bool four = pixels.shape(2) == 4;
  if ((pixels.shape(2) != 3 && !four) || pixels.stride(2) != 1 ||
      pixels.stride(1) != static_cast<std::int64_t>(pixels.shape(2)))
    raise(STREAMDIFFUSION_INVALID_ARGUMENT,
          "a frame is no array [height, width, 3 or 4] with pixels side by side", "");
  if (format != "rgb" && format != "bgr")
    raise(STREAMDIFFUSION_INVALID_ARGUMENT,
          "format is \"" + format + "\", expected \"rgb\" or \"bgr\"; a fourth channel is not read",
          "format");
  const bool bgr = format == "bgr";
  frame.format = four ? (bgr ? STREAMDIFFUSION_FORMAT_BGRA : STREAMDIFFUSION_FORMAT_RGBA)
                      : (bgr ? STREAMDIFFUSION_FORMAT_BGR : STREAMDIFFUSION_FORMAT_RGB);
  frame.memory = memory_of(pixels);
  frame.height = static_cast<std::int32_t>(pixels.shape(0));
  frame.width = static_cast<std::int32_t>(pixels.shape(1));
  frame.planes[0] = const_cast<std::uint8_t*>(pixels.data());
  frame.strides[0] = pixels.stride(0);
  frame.tag = tag;
  frame.captured_ns = captured_ns;
  return frame;
}

Output::Output(streamdiffusion_output* output) : output_(output) {
  info_.struct_size = sizeof info_;
  streamdiffusion_output_get(output_, &info_);
}

nb::ndarray<nb::numpy, const std::uint8_t> Output::image() const {
  const nb::capsule owner(streamdiffusion_output_retain(output_), [](void* output) noexcept {
    streamdiffusion_output_release(static_cast<streamdiffusion_output*>(output));
  });
  const std::size_t shape[] = {static_cast<std::size_t>(info_.height),
                               static_cast<std::size_t>(info_.width), 3};
  return {info_.rgb, 3, shape, owner};
}

}  // namespace streamdiffusion::python

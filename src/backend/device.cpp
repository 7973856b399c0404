// The registry of devices. Only this file knows which backends this build has.
#include <optional>

#include "backend/backend.h"
#include "backend/built_backends.h"
#include "backend/config.h"
#include "backend/nvidia_hardware.h"
#include "backend/ref/ref_device.h"
#include "base/error.h"
#include "base/join.h"
#if SD_HAVE_CPU
#include "backend/cpu/device.h"
#endif
#if SD_HAVE_CUDA
#include "backend/cuda/nvidia/card.h"
#endif

namespace streamdiffusion::backend {

namespace {

/// Why no card can be used, or nothing.
std::optional<std::string> why_no_card() {
#if SD_HAVE_CUDA
  return cuda::why_no_card();
#else
  return "this build has no CUDA backend (docs/gpu.md says how to build it)";
#endif
}

}  // namespace

AutomaticDevice automatic_device() {
  AutomaticDevice device{.name = "ref", .without_card = "ref"};
#if SD_HAVE_CPU
  device.without_card = "cpu";
#endif
  const std::optional<std::string> reason = why_no_card();
  device.name = reason ? device.without_card : "cuda";
  if (reason && has_nvidia_hardware()) device.missing = *reason;
  return device;
}

std::vector<std::string> device_names() {
  std::vector<std::string> names;
#if SD_HAVE_CUDA
  if (!cuda::why_no_card()) names.emplace_back("cuda");
#endif
#if SD_HAVE_CPU
  names.emplace_back("cpu");
#endif
  names.emplace_back("ref");
  return names;
}

std::vector<std::string> built_backends() {
  std::vector<std::string> backends;
#if SD_HAVE_CUDA
  backends.emplace_back("cuda");
#endif
#if SD_HAVE_CPU
  backends.push_back("cpu (" + cpu::library_version() + ")");
#endif
  backends.emplace_back("ref");
  return backends;
}

std::unique_ptr<Device> make_device(std::string_view name, const DeviceOptions& options) {
#if SD_HAVE_CUDA
  if (name == "cuda") return cuda::make_device(options);
#endif
#if SD_HAVE_CPU
  if (name == "cpu") return cpu::make_device(options);
#endif
  if (name == "ref") return ref::make_device(options);
  const bool left_out = name == "cuda" || name == "cpu";
  base::require(!left_out, base::ErrorCode::not_found, "device \"", name,
                "\" is not built in; this build has: ", base::joined(device_names()));
  base::fail(base::ErrorCode::invalid_argument, "device is \"", name,
             "\", expected auto, cuda, cpu or ref");
}

}  // namespace streamdiffusion::backend

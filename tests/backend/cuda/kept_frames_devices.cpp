// The cuda device without a card, for kept_frames_test.cpp.
#include "backend/kept_frames_devices.h"

#include "backend/cuda/host_device.h"

namespace streamdiffusion::backend::test {

std::vector<std::string> kept_frames_devices() {
  return {"cuda_on_host"};
}

std::unique_ptr<Device> kept_frames_device(const std::string&) {
  static cuda::test::HostRuntime::Record record;  // outlives the device
  cuda_on_host::set_order(cuda_on_host::Order::random);
  return cuda::test::make_host_device(record);
}

}  // namespace streamdiffusion::backend::test

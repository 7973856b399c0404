#include "backend/kept_frames_devices.h"

namespace streamdiffusion::backend::test {

std::vector<std::string> kept_frames_devices() {
  return device_names();
}

std::unique_ptr<Device> kept_frames_device(const std::string& name) {
  return make_device(name, {.threads = name == "ref" ? 1 : 2});
}

}  // namespace streamdiffusion::backend::test

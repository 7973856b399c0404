// The devices that kept_frames_test.cpp runs on: those of this build, or the cuda device without a
// card, as the program says that it is linked into.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "backend/backend.h"

namespace streamdiffusion::backend::test {

std::vector<std::string> kept_frames_devices();
std::unique_ptr<Device> kept_frames_device(const std::string& name);

}  // namespace streamdiffusion::backend::test

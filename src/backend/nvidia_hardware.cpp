#include "backend/nvidia_hardware.h"

#include <fstream>
#include <string>
#include <system_error>

namespace streamdiffusion::backend {
namespace {

namespace fs = std::filesystem;

std::string first_word(const fs::path& file) {
  std::string word;
  std::ifstream(file) >> word;
  return word;
}

}  // namespace

bool has_nvidia_hardware(const fs::path& root) {
  std::error_code ignored;
  if (fs::exists(root / "dev/nvidiactl", ignored)) return true;
  for (const auto& device : fs::directory_iterator(root / "sys/bus/pci/devices", ignored)) {
    // classes 0x03....: display controllers; 0x0302..: without an output
    if (first_word(device.path() / "vendor") == "0x10de" &&
        first_word(device.path() / "class").starts_with("0x03")) {
      return true;
    }
  }
  return false;
}

}  // namespace streamdiffusion::backend

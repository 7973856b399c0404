#include "backend/cuda/nvidia/energy.h"

#include "backend/cuda/shared_library.h"

namespace streamdiffusion::backend::cuda {
namespace {

// Of nvml.h, which is in no package that the build needs.
using NvmlDevice = struct NvmlDeviceOfTheLibrary*;
constexpr int kSuccess = 0;

struct Nvml {
  int (*init)() = nullptr;
  int (*handle_by_pci)(const char*, NvmlDevice*) = nullptr;
  int (*energy)(NvmlDevice, unsigned long long*) = nullptr;
};

const Nvml& nvml() {
  static const Nvml functions = [] {
    const SharedLibrary library("libnvidia-ml.so.1", nullptr);
    Nvml found;
    library.find("nvmlInit_v2", found.init);
    library.find("nvmlDeviceGetHandleByPciBusId_v2", found.handle_by_pci);
    library.find("nvmlDeviceGetTotalEnergyConsumption", found.energy);
    return found;
  }();
  return functions;
}

class NvmlCounter final : public EnergyCounter {
 public:
  explicit NvmlCounter(NvmlDevice device) : device_(device) {}
  std::optional<double> joules() const override {
    constexpr double kMilli = 1e-3;
    unsigned long long millijoules = 0;
    if (nvml().energy(device_, &millijoules) != kSuccess) return std::nullopt;
    return kMilli * static_cast<double>(millijoules);
  }

 private:
  const NvmlDevice device_;
};

}  // namespace

std::unique_ptr<EnergyCounter> make_energy_counter(const std::string& pci_address) {
  try {
    NvmlDevice device = nullptr;
    if (nvml().init() != kSuccess ||
        nvml().handle_by_pci(pci_address.c_str(), &device) != kSuccess) {
      return nullptr;
    }
    return std::make_unique<NvmlCounter>(device);
  } catch (const base::Error&) {
    return nullptr;  // no figure without it
  }
}

}  // namespace streamdiffusion::backend::cuda

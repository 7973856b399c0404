// Stands for libnvidia-ml.so.1, which comes with NVIDIA's driver: one card with a counter at
// 0000:01:00.0, one without at 0000:02:00.0.
#include <cstring>

namespace {

int with_counter, without_counter;
constexpr int kSuccess = 0, kNotSupported = 3, kNotFound = 6;

}  // namespace

#define EXPORT extern "C" __attribute__((visibility("default")))

EXPORT int nvmlInit_v2() {
  return kSuccess;
}

EXPORT int nvmlDeviceGetHandleByPciBusId_v2(const char* address, void** device) {
  if (std::strcmp(address, "0000:01:00.0") == 0) {
    *device = &with_counter;
    return kSuccess;
  }
  *device = &without_counter;
  return std::strcmp(address, "0000:02:00.0") == 0 ? kSuccess : kNotFound;
}

EXPORT int nvmlDeviceGetTotalEnergyConsumption(void* device, unsigned long long* millijoules) {
  *millijoules = 123456;
  return device == &with_counter ? kSuccess : kNotSupported;
}

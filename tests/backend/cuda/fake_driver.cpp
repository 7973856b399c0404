// A CUDA driver without a card, for tests alone: enough for cuDNN to compile a kernel and to take
// it as loaded. What would touch a card answers "not supported" (CUDA_ERROR_STUB_LIBRARY).
//
// Built as libcuda.so.1 in a folder that only the test of attention plans searches.
#include <dlfcn.h>

#include <cstddef>
#include <string>

namespace {

constexpr int kSuccess = 0, kNotSupported = 34, kNotFound = 500;
constexpr int kVersion = 13000;

/// What every handle points to, and every global of a module.
char something[4096];

int give(void** handle) {
  *handle = something;
  return kSuccess;
}

int refuse() {
  return kNotSupported;
}

}  // namespace

#define FAKE extern "C" __attribute__((visibility("default"))) int

FAKE cuInit(unsigned) {
  return kNotSupported;
}
FAKE cuDriverGetVersion(int* version) {
  *version = kVersion;
  return kSuccess;
}
FAKE cuDeviceGetCount(int* count) {
  *count = 0;
  return kNotSupported;
}
FAKE cuDeviceGet(int* device, int) {
  *device = 0;
  return kSuccess;
}
FAKE cuCtxGetCurrent(void** context) {
  return give(context);
}
FAKE cuLibraryLoadData(void** library, const void*, void*, void*, unsigned, void*, void*,
                       unsigned) {
  return give(library);
}
FAKE cuLibraryGetKernel(void** kernel, void*, const char*) {
  return give(kernel);
}
FAKE cuLibraryGetModule(void** module, void*) {
  return give(module);
}
FAKE cuKernelGetFunction(void** function, void*) {
  return give(function);
}
FAKE cuLibraryGetGlobal(void** address, std::size_t* bytes, void*, const char*) {
  if (bytes != nullptr) *bytes = sizeof something;
  return address == nullptr ? kSuccess : give(address);
}
FAKE cuModuleLoadData(void** module, const void*) {
  return give(module);
}
FAKE cuModuleLoadDataEx(void** module, const void*, unsigned, void*, void*) {
  return give(module);
}
FAKE cuModuleGetFunction(void** function, void*, const char*) {
  return give(function);
}
FAKE cuModuleGetGlobal_v2(void** address, std::size_t* bytes, void*, const char*) {
  if (bytes != nullptr) *bytes = sizeof something;
  return address == nullptr ? kSuccess : give(address);
}
FAKE cuKernelGetAttribute(int* value, int, void*, int) {
  *value = 0;
  return kSuccess;
}
FAKE cuKernelSetAttribute(int, int, void*, int) {
  return kSuccess;
}
FAKE cuFuncGetAttribute(int* value, int, void*) {
  *value = 0;
  return kSuccess;
}
FAKE cuFuncSetAttribute(void*, int, int) {
  return kSuccess;
}
FAKE cuOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, void*, int, std::size_t) {
  *blocks = 1;
  return kSuccess;
}
FAKE cuGetErrorString(int, const char** text) {
  *text = "there is no card";
  return kSuccess;
}
FAKE cuGetErrorName(int, const char** text) {
  *text = "CUDA_ERROR_STUB_LIBRARY";
  return kSuccess;
}

// What cuDNN looks up by name, and does not need to make a plan.
#define REFUSE(name) \
  FAKE name() {      \
    return refuse(); \
  }
REFUSE(cuCtxGetLimit)
REFUSE(cuCtxPopCurrent)
REFUSE(cuCtxPushCurrent)
REFUSE(cuLaunchCooperativeKernel)
REFUSE(cuLaunchKernel)
REFUSE(cuLaunchKernelEx)
REFUSE(cuLibraryLoadFromFile)
REFUSE(cuLibraryUnload)
REFUSE(cuLinkAddData)
REFUSE(cuLinkComplete)
REFUSE(cuLinkCreate)
REFUSE(cuLinkDestroy)
REFUSE(cuOccupancyMaxPotentialClusterSize)
REFUSE(cuStreamGetCtx)
#undef REFUSE

/// The functions above by name, with the suffix of their version or without; of all others one that
/// refuses.
FAKE cuGetProcAddress_v2(const char* name, void** function, int, unsigned long, int* status) {
  void* self = ::dlopen("libcuda.so.1", RTLD_NOW | RTLD_NOLOAD);
  if (self == nullptr) return kNotFound;
  *function = ::dlsym(self, (std::string(name) + "_v2").c_str());
  if (*function == nullptr) *function = ::dlsym(self, name);
  if (*function == nullptr) *function = reinterpret_cast<void*>(&refuse);
  if (status != nullptr) *status = 0;
  return kSuccess;
}
FAKE cuGetProcAddress(const char* name, void** function, int version, unsigned long flags) {
  return cuGetProcAddress_v2(name, function, version, flags, nullptr);
}

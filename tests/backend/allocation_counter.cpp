#include "backend/allocation_counter.h"

#include <execinfo.h>
#include <link.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

namespace {

std::atomic<bool> counting{false};
std::atomic<int> allocations{0};
/// The look at the stack may allocate itself.
thread_local bool looking = false;

struct Range {
  std::uintptr_t begin = 0, end = 0;
};
std::vector<Range> vendor_code;

int find_vendor_code(dl_phdr_info* library, std::size_t, void*) {
  if (std::strstr(library->dlpi_name, "libdnnl") == nullptr &&
      std::strstr(library->dlpi_name, "libgomp") == nullptr) {
    return 0;
  }
  for (int i = 0; i < library->dlpi_phnum; ++i) {
    const auto& segment = library->dlpi_phdr[i];
    if (segment.p_type != PT_LOAD) continue;
    const std::uintptr_t begin = library->dlpi_addr + segment.p_vaddr;
    vendor_code.push_back({begin, begin + segment.p_memsz});
  }
  return 0;
}

bool called_by_vendor() {
  void* frames[48];
  const int count = backtrace(frames, 48);
  for (int i = 0; i < count; ++i) {
    const auto address = reinterpret_cast<std::uintptr_t>(frames[i]);
    for (const Range& range : vendor_code) {
      if (address >= range.begin && address < range.end) return true;
    }
  }
  return false;
}

void note_allocation() {
  if (!counting.load(std::memory_order_relaxed) || looking) return;
  looking = true;
  if (!called_by_vendor()) allocations.fetch_add(1, std::memory_order_relaxed);
  looking = false;
}

}  // namespace

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)

extern "C" int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void*,
                                                                           std::size_t),
                                                         void (*on_free)(const volatile void*));

namespace {
const int hooks_installed = __sanitizer_install_malloc_and_free_hooks(
    [](const volatile void*, std::size_t) { note_allocation(); }, [](const volatile void*) {});
}

#else

extern "C" {

void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);

__attribute__((visibility("default"))) void* malloc(std::size_t bytes) {
  note_allocation();
  return __libc_malloc(bytes);
}

__attribute__((visibility("default"))) void* calloc(std::size_t count, std::size_t bytes) {
  note_allocation();
  return __libc_calloc(count, bytes);
}

__attribute__((visibility("default"))) void* realloc(void* memory, std::size_t bytes) {
  note_allocation();
  return __libc_realloc(memory, bytes);
}

__attribute__((visibility("default"))) void* aligned_alloc(std::size_t alignment,
                                                           std::size_t bytes) {
  note_allocation();
  return __libc_memalign(alignment, bytes);
}

__attribute__((visibility("default"))) int posix_memalign(void** memory, std::size_t alignment,
                                                          std::size_t bytes) {
  note_allocation();
  *memory = __libc_memalign(alignment, bytes);
  return *memory == nullptr ? ENOMEM : 0;
}

}  // extern "C"

#endif

namespace streamdiffusion::backend::test {

AllocationCounter::AllocationCounter() {
  if (vendor_code.empty()) dl_iterate_phdr(find_vendor_code, nullptr);
  called_by_vendor();  // the first backtrace loads a library
  allocations = 0;
  counting = true;
}

AllocationCounter::~AllocationCounter() {
  counting = false;
}

int AllocationCounter::count() const {
  return allocations;
}

}  // namespace streamdiffusion::backend::test

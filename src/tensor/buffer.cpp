#include "tensor/buffer.h"

#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

namespace streamdiffusion::tensor {
namespace {

constexpr std::size_t kAlignment = 64;
constexpr std::size_t kHugePage = std::size_t{2} << 20;

}  // namespace

Buffer::Buffer(std::size_t bytes) : Buffer(bytes, true) {}

Buffer Buffer::to_be_filled(std::size_t bytes) {
  return {bytes, false};
}

Buffer::Buffer(std::size_t bytes, bool touched) : size_(bytes) {
  if (bytes == 0) return;
  if (bytes >= 2 * kHugePage) {
    data_ = map(bytes);
    if (touched) {
      ::madvise(data_.get(), bytes, MADV_HUGEPAGE);
      std::memset(data_.get(), 0, bytes);
    }
    return;
  }
  const std::size_t rounded = (bytes + kAlignment - 1) / kAlignment * kAlignment;
  void* memory = std::aligned_alloc(kAlignment, rounded);
  if (memory == nullptr) throw std::bad_alloc();
  std::memset(memory, 0, bytes);
  data_.reset(static_cast<std::byte*>(memory));
}

/// New pages of the system are zero. One huge page more than is needed is mapped, and both ends are
/// given back.
Buffer::Memory Buffer::map(std::size_t bytes) {
  const std::size_t rounded = (bytes + kHugePage - 1) / kHugePage * kHugePage;
  void* memory = ::mmap(nullptr, rounded + kHugePage, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  auto* const begin = static_cast<std::byte*>(memory);
  const std::size_t past = reinterpret_cast<std::uintptr_t>(begin) % kHugePage;
  const std::size_t before = past == 0 ? 0 : kHugePage - past;
  if (before > 0) ::munmap(begin, before);
  std::byte* const data = begin + before;
  ::munmap(data + rounded, kHugePage - before);
  return {data, Free(rounded)};
}

void Buffer::Free::operator()(std::byte* pointer) const noexcept {
  if (mapped > 0) {
    ::munmap(pointer, mapped);
  } else {
    std::free(pointer);
  }
}

}  // namespace streamdiffusion::tensor

// open(2), mmap(2) and madvise(2) behind MmapFile.
#include "base/mmap_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <utility>

#include "base/error.h"

namespace streamdiffusion::base {
namespace {

class FileDescriptor {
 public:
  explicit FileDescriptor(const std::filesystem::path& path)
      : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (fd_ < 0) {
      fail(errno == ENOENT ? ErrorCode::not_found : ErrorCode::io, path.string(), ": ",
           std::strerror(errno));
    }
  }
  ~FileDescriptor() { ::close(fd_); }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

}  // namespace

MmapFile::MmapFile(const std::filesystem::path& path) : path_(path) {
  const FileDescriptor file(path);
  struct stat info {};
  require(::fstat(file.get(), &info) == 0, ErrorCode::io, path.string(), ": ",
          std::strerror(errno));
  require(S_ISREG(info.st_mode), ErrorCode::io, path.string(), ": not a regular file");
  size_ = static_cast<std::size_t>(info.st_size);
  if (size_ == 0) return;
  void* mapped = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file.get(), 0);
  require(mapped != MAP_FAILED, ErrorCode::io, path.string(),
          ": cannot map: ", std::strerror(errno));
  data_ = static_cast<const std::byte*>(mapped);
}

MmapFile::~MmapFile() {
  unmap();
}

MmapFile::MmapFile(MmapFile&& other) noexcept {
  *this = std::move(other);
}

MmapFile& MmapFile::operator=(MmapFile&& other) noexcept {
  if (this == &other) return *this;
  unmap();
  path_ = std::move(other.path_);
  data_ = std::exchange(other.data_, nullptr);
  size_ = std::exchange(other.size_, 0);
  return *this;
}

void MmapFile::release(std::span<const std::byte> range) const {
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto begin = (reinterpret_cast<std::uintptr_t>(range.data()) + page - 1) / page * page;
  const auto end = reinterpret_cast<std::uintptr_t>(range.data() + range.size()) / page * page;
  if (end > begin) ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

void MmapFile::unmap() noexcept {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
  data_ = nullptr;
  size_ = 0;
}

}  // namespace streamdiffusion::base

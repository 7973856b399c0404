// A read-only memory-mapped file. Weights are read through it, so a file is never copied whole.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

namespace streamdiffusion::base {

class MmapFile {
 public:
  MmapFile() = default;
  /// Maps the whole file. Throws not_found, or io if it is not a regular file or cannot be mapped.
  explicit MmapFile(const std::filesystem::path& path);
  ~MmapFile();
  MmapFile(MmapFile&& other) noexcept;
  MmapFile& operator=(MmapFile&& other) noexcept;
  MmapFile(const MmapFile&) = delete;
  MmapFile& operator=(const MmapFile&) = delete;

  /// The content, valid while this object lives.
  std::span<const std::byte> bytes() const { return {data_, size_}; }
  const std::filesystem::path& path() const { return path_; }
  /// Lets the kernel drop the pages that lie wholly inside `range`, a part of bytes(). Reading them
  /// again is allowed and loads them from the file.
  void release(std::span<const std::byte> range) const;

 private:
  void unmap() noexcept;

  std::filesystem::path path_;
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace streamdiffusion::base

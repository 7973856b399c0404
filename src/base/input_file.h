// A file that is read while it may be in use elsewhere. It is read by pread(2) and not mapped: a
// mapped file that another program cuts short ends the process with SIGBUS.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

namespace streamdiffusion::base {

/// Whether there is a regular file; false also where that cannot be looked up.
bool is_file(const std::filesystem::path& path);

/// Open from construction to destruction. A file that is replaced by another one of its name (as
/// rename(2) does) can still be read; one that is cut short or written over is refused.
class InputFile {
 public:
  /// Throws not_found, or io if it is not a regular file or cannot be read.
  explicit InputFile(const std::filesystem::path& path);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::uint64_t size() const { return size_; }
  /// Fills `out` with what stands at `offset`. Throws io if the file has changed since it was
  /// opened, in size or time, or cannot be read. Thread-safe.
  void read(std::uint64_t offset, std::span<std::byte> out) const;

 private:
  void check_unchanged() const;

  std::filesystem::path path_;
  int descriptor_ = -1;
  std::uint64_t size_ = 0;
  /// When it was last written, in nanoseconds.
  std::int64_t modified_ = 0;
};

/// Whether something has this name, also what cannot be read, such as a pipe or a link to nowhere.
/// An optional file that is_there() is opened, and that says what is wrong with it.
bool is_there(const std::filesystem::path& path);

/// The whole of a file. Throws as InputFile does, and corrupt_file for more than `most` bytes or
/// for a pointer of Git LFS.
std::vector<std::byte> read_file(const std::filesystem::path& path, std::uint64_t most);

}  // namespace streamdiffusion::base

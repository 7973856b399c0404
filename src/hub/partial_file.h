// A file that grows as it is downloaded, hashed along the way.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>

#include "hub/hash.h"
#include "hub/listing.h"

namespace streamdiffusion::hub {

class PartialFile {
 public:
  /// Continues the file at `path` or begins one. Hashes what is there; `stopped` may end that, with
  /// Interrupted. Throws io; a link is not followed.
  PartialFile(std::filesystem::path path, const RemoteFile& file,
              const std::function<bool()>& stopped);
  ~PartialFile();
  PartialFile(const PartialFile&) = delete;
  PartialFile& operator=(const PartialFile&) = delete;

  std::uint64_t size() const { return size_; }
  /// Throws io; for a full disk the message says so.
  void append(std::span<const std::byte> bytes);
  /// Empty again.
  void restart();
  /// The hash of all of it.
  std::string hash() { return hasher_.finish(); }
  /// Writes it to the disk and renames it.
  void move_to(const std::filesystem::path& target);
  void remove();

 private:
  [[noreturn]] void fail_with_errno(const char* what) const;
  void hash_content(const std::function<bool()>& stopped);

  std::filesystem::path path_;
  int descriptor_ = -1;
  std::uint64_t whole_;
  std::uint64_t size_ = 0;
  Hasher hasher_;
};

/// Held while a file is downloaded, by this program and by Python's client.
class FileLock {
 public:
  /// Waits, and tells of it, until nobody else holds it. Throws Interrupted or io.
  FileLock(const std::filesystem::path& path, const std::string& what,
           const std::function<bool()>& stopped);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  int descriptor_ = -1;
};

}  // namespace streamdiffusion::hub

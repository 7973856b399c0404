// The two hashes by which the hub names contents: SHA-256 of large files, and of small ones the
// SHA-1 of git's object ("blob", length, zero byte, content).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace streamdiffusion::hub {

enum class HashKind { sha256, git_sha1 };

class Hasher {
 public:
  /// `size` bytes will come; git's object begins with their number.
  Hasher(HashKind kind, std::uint64_t size);
  ~Hasher();
  Hasher(const Hasher&) = delete;
  Hasher& operator=(const Hasher&) = delete;

  /// From the beginning again.
  void reset();
  void update(std::span<const std::byte> bytes);
  /// In lower-case hexadecimal digits. To be called once; then reset().
  std::string finish();

 private:
  struct Context;
  HashKind kind_;
  std::uint64_t size_;
  std::unique_ptr<Context> context_;
};

}  // namespace streamdiffusion::hub

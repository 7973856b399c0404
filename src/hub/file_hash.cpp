#include "hub/file_hash.h"

#include <sys/stat.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "base/error.h"
#include "base/file_writer.h"
#include "base/input_file.h"
#include "base/user_cache.h"
#include "hub/hash.h"
#include "hub/name.h"

namespace streamdiffusion::hub {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kDigits = 64;

/// blobs/HASH of the hub's cache, which snapshots link to. Smaller files have shorter names there.
std::string name_in_cache(const fs::path& real) {
  const std::string name = real.filename().string();
  return real.parent_path().filename() == "blobs" && is_hex(name, kDigits) ? name : "";
}

std::string digest(const std::vector<std::byte>& bytes) {
  Hasher hasher(HashKind::sha256, bytes.size());
  hasher.update(bytes);
  return hasher.finish();
}

/// Where the hash of the file, as it is now, is kept.
std::optional<fs::path> kept_at(const fs::path& real) {
  const auto cache = base::user_cache_folder();
  struct stat info {};
  if (!cache || ::stat(real.c_str(), &info) != 0) return std::nullopt;
  const std::string state = base::concat(real.string(), '\n', info.st_size, '\n', info.st_ino, '\n',
                                         info.st_mtim.tv_sec, '.', info.st_mtim.tv_nsec);
  const auto bytes = std::as_bytes(std::span(state));
  return *cache / "hashes" / digest({bytes.begin(), bytes.end()});
}

std::string read_kept(const fs::path& file) {
  if (!base::is_file(file)) return {};
  try {
    base::require_own_file(file);
    std::string text;
    for (const std::byte byte : base::read_file(file, kDigits)) {
      text.push_back(static_cast<char>(byte));
    }
    return is_hex(text, kDigits) ? text : "";
  } catch (const Error&) {
    return {};
  }
}

/// A cache that cannot be written costs time alone.
void keep_at(const fs::path& file, const std::string& hash) {
  try {
    fs::create_directories(file.parent_path());
    base::write_file(file, hash);
  } catch (const std::exception&) {
  }
}

std::string read_and_hash(const fs::path& path) {
  constexpr std::uint64_t kChunk = 1 << 20;
  const base::InputFile file(path);
  Hasher hasher(HashKind::sha256, file.size());
  std::vector<std::byte> part(std::min(file.size(), kChunk));
  for (std::uint64_t done = 0; done < file.size();) {
    const std::uint64_t count = std::min<std::uint64_t>(file.size() - done, part.size());
    const std::span<std::byte> bytes(part.data(), count);
    file.read(done, bytes);
    hasher.update(bytes);
    done += count;
  }
  return hasher.finish();
}

}  // namespace

std::string sha256_of_file(const fs::path& file, bool keep) {
  std::error_code ignored;
  const fs::path real = fs::weakly_canonical(file, ignored);
  if (std::string name = name_in_cache(real); !name.empty()) return name;
  const auto kept = keep ? kept_at(real) : std::nullopt;
  if (kept) {
    if (std::string known = read_kept(*kept); !known.empty()) return known;
  }
  const std::string hash = read_and_hash(real);
  if (kept) keep_at(*kept, hash);
  return hash;
}

}  // namespace streamdiffusion::hub

#include "backend/cuda/plan_cache.h"

#include <cstdio>
#include <system_error>

#include "base/error.h"
#include "base/file_writer.h"
#include "base/hash.h"
#include "base/input_file.h"
#include "base/log.h"
#include "base/user_cache.h"

namespace streamdiffusion::backend::cuda {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kFormat = "streamdiffusion plan 1\n";
constexpr std::uint64_t kMaxBytes = std::uint64_t{16} << 20;

std::string hex(std::uint64_t number) {
  char digits[17];
  std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(number));
  return digits;
}

/// What stands before the text: the format, the key, a hash of the text; a line each.
std::string head(const std::string& key, std::string_view text) {
  return base::concat(kFormat, key, '\n', hex(base::fnv1a(text)), '\n');
}

}  // namespace

fs::path PlanCache::file_of(const std::string& key) const {
  return folder_ / (hex(base::fnv1a(key)) + ".plan");
}

std::optional<std::string> PlanCache::find(const std::string& key) const {
  std::error_code ignored;
  if (folder_.empty() || !fs::exists(file_of(key), ignored)) return std::nullopt;
  try {
    base::require_own_file(file_of(key));
    const std::vector<std::byte> bytes = base::read_file(file_of(key), kMaxBytes);
    const std::string_view content(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    const std::size_t begin = head(key, "").size();
    const std::string_view text = content.substr(std::min(begin, content.size()));
    if (content.starts_with(head(key, text))) return std::string(text);
    drop(key, "is damaged or of another key");
  } catch (const base::Error& error) {
    drop(key, error.what());
  }
  return std::nullopt;
}

void PlanCache::keep(const std::string& key, std::string_view text) const {
  if (folder_.empty()) return;
  try {
    std::error_code ignored;  // a folder that is missing then fails to take the file
    fs::create_directories(folder_, ignored);
    base::write_file(file_of(key), head(key, text) + std::string(text));
  } catch (const base::Error& error) {
    base::warn("a plan for the card is not kept: ", error.what());
  }
}

void PlanCache::drop(const std::string& key, std::string_view reason) const {
  base::warn("the plan ", file_of(key).string(), " is dropped: ", reason);
  std::error_code ignored;
  fs::remove(file_of(key), ignored);
}

}  // namespace streamdiffusion::backend::cuda

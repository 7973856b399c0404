#include "session/calibration_table.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iomanip>
#include <sstream>
#include <vector>

#include "base/error.h"
#include "json/json.h"

namespace streamdiffusion::session {
namespace {

namespace fs = std::filesystem;
using base::ErrorCode;

constexpr int kVersion = 1;
constexpr double kLargestValue = 1e30;

graph::ActivationRanges read_ranges(const json::Json& object) {
  graph::ActivationRanges ranges;
  for (std::size_t i = 0; i < object.size(); ++i) {
    const auto [name, pair] = object.member(i);
    if (pair.size() != 2) pair.refuse("the lowest and the highest value");
    const double low = pair[0].number(), high = pair[1].number();
    if (!(low <= high && -kLargestValue <= low && high <= kLargestValue))
      pair.refuse("a range, low to high");
    ranges.emplace(name, graph::ActivationRange{static_cast<float>(low), static_cast<float>(high)});
  }
  return ranges;
}

void write_ranges(std::ostream& out, const char* key, const graph::ActivationRanges& ranges) {
  out << ",\n  \"" << key << "\": {";
  const char* separator = "\n";
  for (const auto& [name, range] : ranges) {
    out << separator << "    " << json::json_string(name) << ": [" << range.low << ", "
        << range.high << "]";
    separator = ",\n";
  }
  out << "\n  }";
}

/// Writes path, size and time of every file of a folder, sorted.
void describe(const fs::path& folder, std::ostream& out) {
  std::vector<std::string> lines;
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder, ignored)) {
    if (!entry.is_regular_file(ignored)) continue;
    lines.push_back(base::concat(entry.path().string(), ' ', entry.file_size(ignored), ' ',
                                 entry.last_write_time(ignored).time_since_epoch().count()));
  }
  std::sort(lines.begin(), lines.end());
  for (const std::string& line : lines) out << line << '\n';
}

/// FNV-1a.
std::uint64_t hash(std::string_view text) {
  std::uint64_t value = 0xcbf29ce484222325;
  for (const char c : text) value = (value ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return value;
}

}  // namespace

CalibrationTable read_calibration(const fs::path& file) {
  const json::Json root = json::Json::read(file, {.bytes = 16U << 20U});
  root.allow_only({"version", "unet", "autoencoder"});
  root.at("version").integer(kVersion, kVersion);
  return {read_ranges(root.at("unet")), read_ranges(root.at("autoencoder"))};
}

void write_calibration(const CalibrationTable& table, const fs::path& file) {
  std::error_code problem;
  if (file.has_parent_path()) fs::create_directories(file.parent_path(), problem);
  const fs::path unfinished = file.string() + "." + std::to_string(::getpid());
  std::ofstream out(unfinished);
  out << std::setprecision(9) << "{\n  \"version\": " << kVersion;
  write_ranges(out, "unet", table.unet);
  write_ranges(out, "autoencoder", table.autoencoder);
  out << "\n}\n";
  out.close();
  if (out) fs::rename(unfinished, file, problem);
  base::require(out.good() && !problem, ErrorCode::io, file.string(), ": cannot write");
}

std::optional<fs::path> calibration_cache_file(const EngineOptions& options) {
  const char* cache = std::getenv("XDG_CACHE_HOME");
  const char* home = std::getenv("HOME");
  if ((cache == nullptr || *cache == '\0') && (home == nullptr || *home == '\0'))
    return std::nullopt;
  const fs::path folder =
      cache != nullptr && *cache != '\0' ? fs::path(cache) : fs::path(home) / ".cache";
  std::ostringstream identity;
  identity << kVersion << '\n' << options.random_weights << '\n';
  for (const std::string& part : {options.model, options.vae}) {
    std::error_code ignored;
    if (!part.empty()) describe(fs::absolute(part, ignored).lexically_normal(), identity);
  }
  std::ostringstream name;
  name << "int8-" << std::hex << std::setw(16) << std::setfill('0') << hash(identity.str())
       << ".json";
  return folder / "streamdiffusion" / name.str();
}

}  // namespace streamdiffusion::session

#include "session/calibration_table.h"

#include <algorithm>
#include <iomanip>
#include <sstream>
#include <vector>

#include "base/error.h"
#include "base/file_writer.h"
#include "base/hash.h"
#include "base/user_cache.h"
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

/// Path, size and time of a file.
std::string describe_file(const fs::path& file) {
  std::error_code ignored;
  return base::concat(fs::absolute(file, ignored).lexically_normal().string(), ' ',
                      fs::file_size(file, ignored), ' ',
                      fs::last_write_time(file, ignored).time_since_epoch().count());
}

/// Writes path, size and time of a file, or of every file of a folder, sorted.
void describe(const fs::path& folder, std::ostream& out) {
  std::vector<std::string> lines;
  std::error_code ignored;
  if (fs::is_regular_file(folder, ignored)) lines.push_back(describe_file(folder));
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder, ignored)) {
    if (!entry.is_regular_file(ignored)) continue;
    lines.push_back(describe_file(entry.path()));
  }
  std::sort(lines.begin(), lines.end());
  for (const std::string& line : lines) out << line << '\n';
}

}  // namespace

CalibrationTable read_calibration(const fs::path& file) {
  const json::Json root = json::Json::read(file, {.bytes = 16U << 20U});
  root.allow_only({"version", "unet", "autoencoder"});
  root.at("version").integer(kVersion, kVersion);
  return {read_ranges(root.at("unet")), read_ranges(root.at("autoencoder"))};
}

void write_calibration(const CalibrationTable& table, const fs::path& file) {
  std::error_code ignored;  // a folder that is missing then fails to take the file
  if (file.has_parent_path()) fs::create_directories(file.parent_path(), ignored);
  std::ostringstream out;
  out << std::setprecision(9) << "{\n  \"version\": " << kVersion;
  write_ranges(out, "unet", table.unet);
  write_ranges(out, "autoencoder", table.autoencoder);
  out << "\n}\n";
  base::write_file(file, out.str(), base::Durability::always);
}

std::optional<fs::path> calibration_cache_file(const EngineOptions& options) {
  const std::optional<fs::path> cache = base::user_cache_folder();
  if (!cache) return std::nullopt;
  std::ostringstream identity;
  identity << kVersion << '\n' << options.random_weights << '\n';
  for (const std::string& folder : {options.model, options.vae}) {
    std::error_code ignored;
    if (!folder.empty()) describe(fs::absolute(folder, ignored).lexically_normal(), identity);
  }
  for (const Lora& lora : options.lora_dict) {
    std::error_code ignored;
    describe(fs::absolute(lora.file, ignored).lexically_normal(), identity);
    identity << lora.scale << '\n';
  }
  std::ostringstream name;
  name << "int8-" << std::hex << std::setw(16) << std::setfill('0') << base::fnv1a(identity.str())
       << ".json";
  return *cache / name.str();
}

}  // namespace streamdiffusion::session

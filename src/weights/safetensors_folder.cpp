#include "weights/safetensors_folder.h"

#include <algorithm>

#include "base/error.h"
#include "base/input_file.h"
#include "base/join.h"
#include "json/quote.h"

namespace streamdiffusion::weights {

namespace fs = std::filesystem;

std::vector<fs::path> safetensors_in(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, ignored)) {
    if (entry.path().extension() == ".safetensors") found.push_back(entry.path());
  }
  std::ranges::sort(found);
  return found;
}

fs::path or_only_file_in(const fs::path& path) {
  if (base::is_there(path / "model_index.json") || base::is_there(path / "config.json")) {
    return path;
  }
  const std::vector<fs::path> found = safetensors_in(path);
  if (found.empty()) return path;
  base::require(found.size() == 1, base::ErrorCode::not_found, path.string(), ": holds ",
                found.size(),
                " .safetensors files, and neither model_index.json nor config.json; expected the "
                "path of one: ",
                base::joined(found, [](const fs::path& file) {
                  return json::printable(file.filename().string(), 100);
                }).substr(0, 1000));
  return found.front();
}

}  // namespace streamdiffusion::weights

#include "weights/included_model.h"

namespace streamdiffusion::weights {
namespace {

/// Folders above the one of a program or library: lib/x86_64-linux-gnu/gstreamer-1.0 lies three
/// below the prefix, build/release/plugins/gstreamer four below the tree.
constexpr int kFoldersAbove = 4;

}  // namespace

std::string included_model(const std::filesystem::path& here) {
  // A library may have been found in /lib, which is a link to /usr/lib.
  std::error_code ignored;
  std::filesystem::path above = std::filesystem::weakly_canonical(here, ignored);
  for (int i = 0; i < kFoldersAbove; ++i) {
    above = above.parent_path();
    for (const char* name : {"share/streamdiffusion/models/pictogram", "models/pictogram"}) {
      const std::filesystem::path folder = above / name;
      if (std::filesystem::exists(folder / "model_index.json", ignored)) return folder.string();
    }
  }
  return {};
}

}  // namespace streamdiffusion::weights

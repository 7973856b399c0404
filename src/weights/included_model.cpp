#include "weights/included_model.h"

namespace streamdiffusion::weights {

std::string included_model(const std::filesystem::path& here) {
  // bin and lib; lib/x86_64-linux-gnu; build/release
  for (const char* name :
       {"../share/streamdiffusion/models/pictogram", "../../share/streamdiffusion/models/pictogram",
        "../../models/pictogram"}) {
    const std::filesystem::path folder = (here / name).lexically_normal();
    std::error_code ignored;
    if (std::filesystem::exists(folder / "model_index.json", ignored)) return folder.string();
  }
  return {};
}

}  // namespace streamdiffusion::weights

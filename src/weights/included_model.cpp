#include "weights/included_model.h"

namespace streamdiffusion::weights {

std::string included_model(const std::filesystem::path& here) {
  // A library may have been found in /lib, which is a link to /usr/lib.
  std::error_code ignored;
  const std::filesystem::path real = std::filesystem::weakly_canonical(here, ignored);
  // bin and lib; lib/x86_64-linux-gnu; build/release
  for (const char* name :
       {"../share/streamdiffusion/models/pictogram", "../../share/streamdiffusion/models/pictogram",
        "../../models/pictogram"}) {
    const std::filesystem::path folder = (real / name).lexically_normal();
    if (std::filesystem::exists(folder / "model_index.json", ignored)) return folder.string();
  }
  return {};
}

}  // namespace streamdiffusion::weights

#include "model_files/check_configs.h"

#include "models/autoencoder.h"
#include "models/unet.h"
#include "weights/model_folder.h"

namespace streamdiffusion::model_files {

void check_configs(const std::filesystem::path& folder) {
  std::error_code ignored;
  if (!std::filesystem::exists(folder / "model_index.json", ignored)) return;
  (void)models::unet_config(weights::read_component_config(folder / "unet"));
  (void)models::autoencoder_config(weights::read_component_config(folder / "vae"));
}

}  // namespace streamdiffusion::model_files

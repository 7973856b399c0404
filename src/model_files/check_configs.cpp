#include "model_files/check_configs.h"

#include "base/error.h"
#include "model_files/component_use.h"
#include "session/model.h"
#include "weights/model_folder.h"

namespace streamdiffusion::model_files {

void check_configs(const std::filesystem::path& folder) {
  std::error_code ignored;
  if (std::filesystem::exists(folder / "model_index.json", ignored)) {
    session::Model::check_without_weights(folder.string());
  } else if (std::filesystem::exists(folder / "config.json", ignored)) {
    const json::Json config = weights::read_component_config(folder);
    const ComponentUse use = use_of_component(config);
    base::require(!use.flag.empty(), ErrorCode::unsupported, config.file(), ": is ", use.text,
                  ", which is not implemented; expected an autoencoder, a UNet2DConditionModel, a "
                  "ControlNetModel or a CLIP encoder");
  }
}

}  // namespace streamdiffusion::model_files

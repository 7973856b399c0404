#include "model_files/component_use.h"

#include "json/quote.h"
#include "models/autoencoder.h"
#include "models/clip_text.h"
#include "models/clip_vision.h"
#include "models/controlnet.h"
#include "models/unet.h"

namespace streamdiffusion::model_files {

ComponentUse use_of_component(const json::Json& config) {
  const std::string name = config.string_or("_class_name", config.string_or("model_type", ""));
  if (name == "AutoencoderTiny" || name == "AutoencoderKL") {
    (void)models::autoencoder_config(config);
    return {"--vae", name};
  }
  if (name == "UNet2DConditionModel") {
    (void)models::unet_config(config);
    return {"--unet", name};
  }
  if (name == "ControlNetModel") {
    (void)models::controlnet_config(config);
    return {"--controlnet", "a ControlNet"};
  }
  if (name == "clip_text_model") {
    (void)models::clip_text_config(config);
    return {"--text-encoder", "CLIP"};
  }
  if (name == "clip_vision_model" || name == "clip") {
    (void)models::clip_vision_config(config);
    return {"--ip-adapter", "the image encoder of IP-Adapters"};
  }
  return {"", "a single component: " +
                  (name.empty() ? std::string("without a class") : json::printable(name, 60))};
}

}  // namespace streamdiffusion::model_files

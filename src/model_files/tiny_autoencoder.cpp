// Decides by the model's own configuration or tensors, never by its name.
#include "model_files/tiny_autoencoder.h"

#include <optional>

#include "base/error.h"
#include "base/input_file.h"
#include "json/json.h"
#include "weights/model_folder.h"
#include "weights/safetensors_folder.h"
#include "weights/single_file.h"

namespace streamdiffusion::model_files {
namespace {

constexpr std::int64_t kContextOfSd1 = 768, kContextOfSd2 = 1024, kContextOfSdxl = 2048;

TinyAutoencoder fitting(const json::Json& unet, const std::string& autoencoder) {
  if (autoencoder == "AutoencoderTiny") {
    return {.id = {}, .reason = "the model's own autoencoder is a tiny one"};
  }
  const auto context = unet.find("cross_attention_dim");
  if (context && context->is(json::Json::Kind::integer)) {
    switch (context->integer()) {
      case kContextOfSd1:
      case kContextOfSd2:
        return {.id = "madebyollin/taesd", .reason = {}};
      case kContextOfSdxl:
        return {.id = "madebyollin/taesdxl", .reason = {}};
      default:
        break;
    }
  }
  return {.id = {},
          .reason = "none is known for a model that is not of Stable Diffusion 1, 2 or SDXL"};
}

TinyAutoencoder for_folder(const std::filesystem::path& folder) {
  const weights::ModelFolder model(folder);
  return fitting(model.config("unet"), model.has("vae") ? model.class_name("vae") : "");
}

TinyAutoencoder for_file(const std::filesystem::path& path, const std::filesystem::path& unet) {
  const weights::SingleFile file = weights::open_single_file(path, unet);
  if (!file.unet) return {.id = {}, .reason = path.string() + ": holds no UNet"};
  return fitting(file.unet->config,
                 file.autoencoder ? file.autoencoder->config.string_or("_class_name", "") : "");
}

}  // namespace

TinyAutoencoder tiny_autoencoder_for(const std::filesystem::path& model,
                                     const std::filesystem::path& unet) {
  try {
    const std::filesystem::path path = weights::or_only_file_in(model);
    return base::is_file(path) ? for_file(path, unet) : for_folder(path);
  } catch (const Error& error) {
    return {.id = {}, .reason = error.what()};
  }
}

}  // namespace streamdiffusion::model_files

// Decides by the model's own configuration, never by its name.
#include "hub/tiny_autoencoder.h"

#include "json/json.h"

namespace streamdiffusion::hub {
namespace {

constexpr std::int64_t kContextOfSd1 = 768, kContextOfSd2 = 1024, kContextOfSdxl = 2048;

bool has_large_autoencoder(const json::Json& index) {
  const auto vae = index.find("vae");
  return vae && vae->is(json::Json::Kind::array) && vae->size() == 2 &&
         (*vae)[1].is(json::Json::Kind::string) && (*vae)[1].string() == "AutoencoderKL";
}

}  // namespace

std::optional<RepositoryName> tiny_autoencoder_for(const std::filesystem::path& model) {
  const std::filesystem::path index = model / "model_index.json", unet = model / "unet/config.json";
  std::error_code ignored;
  if (!std::filesystem::exists(index, ignored) || !std::filesystem::exists(unet, ignored))
    return {};
  if (!has_large_autoencoder(json::Json::read(index))) return {};
  const auto context = json::Json::read(unet).find("cross_attention_dim");
  if (!context || !context->is(json::Json::Kind::integer)) return {};
  switch (context->integer()) {
    case kContextOfSd1:
    case kContextOfSd2:
      return RepositoryName{.id = "madebyollin/taesd"};
    case kContextOfSdxl:
      return RepositoryName{.id = "madebyollin/taesdxl"};
    default:
      return {};
  }
}

}  // namespace streamdiffusion::hub

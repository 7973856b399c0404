// Opens a whole model in one file.
#include <filesystem>

#include "base/error.h"
#include "session/choose_recipe.h"
#include "session/model.h"
#include "tokenizer/clip_vocabulary.h"
#include "weights/model_folder.h"
#include "weights/single_file.h"

namespace streamdiffusion::session {
namespace {

using base::ErrorCode;
using weights::FileComponent;
namespace fs = std::filesystem;

}  // namespace

void Model::open_file(const EngineOptions& options) {
  weights::SingleFile file = weights::open_single_file(options.model);
  const auto require_part = [&](const auto& part, const char* what, const char* remedy) {
    base::require(part.has_value(), ErrorCode::unsupported, options.model, ": holds no ", what,
                  "; ", remedy);
  };
  base::require(file.family != "SDXL", ErrorCode::unsupported, options.model,
                ": SDXL in one file, which is not implemented; expected a folder in diffusers' "
                "layout");
  require_part(file.unet, "UNet", "expected a whole model (a lone autoencoder is for --vae)");
  require_part(file.text_encoder, "text encoder",
               "expected a whole model, or a folder in diffusers' layout");
  if (!options.vae.empty()) file.autoencoder = weights::open_autoencoder(options.vae);
  require_part(file.autoencoder, "autoencoder", "give one with --vae");
  name_ = fs::path(options.model).stem().string();
  unet_ = models::unet_config(file.unet->config);
  set_text_encoders({models::clip_text_config(file.text_encoder->config)});
  autoencoder_ = models::autoencoder_config(file.autoencoder->config);
  schedule_ = schedule::Schedule(scheduler_config(*file.scheduler));
  TextEncoder& text = text_encoders_.front();
  text.tokenizer = std::make_shared<const tokenizer::Tokenizer>(
      tokenizer::clip_tokenizer_texts(file.pad_token), static_cast<int>(text.config.positions));
  base::require(text.tokenizer->vocab_size() <= text.config.vocabulary, ErrorCode::corrupt_file,
                options.model, ": the text encoder knows ", text.config.vocabulary,
                " tokens, expected the ", text.tokenizer->vocab_size(), " of CLIP");
  tokens_ = text.tokenizer->length();
  const std::string path = fs::absolute(options.model).lexically_normal().string();
  const std::string vae = options.vae.empty() ? path : fs::absolute(options.vae).string();
  const auto open = [&](Component component, const FileComponent& part, std::string scope) {
    sources_[static_cast<std::size_t>(component)] = part.weights;
    scopes_[static_cast<std::size_t>(component)] = std::move(scope);
  };
  open(Component::text, *file.text_encoder, path + "/text_encoder");
  open(Component::unet, *file.unet, path + "/unet");
  open(Component::autoencoder, *file.autoencoder, vae + "/vae");
  recipe_ = choose_recipe(options, false);
  weights::ModelDefaults defaults = recipe_ ? recipe_->defaults : weights::ModelDefaults();
  if (!defaults.prompt) defaults.prompt = "an image";
  set_defaults(defaults);
  for (const std::string& note : file.notes) {
    notes_.push_back(base::concat(options.model, ": ", note));
  }
}

}  // namespace streamdiffusion::session

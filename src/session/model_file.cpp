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
  require_part(file.unet, "UNet", "expected a whole model (a lone autoencoder is for --vae)");
  require_part(file.text_encoder, "text encoder",
               "expected a whole model, or a folder in diffusers' layout");
  if (!options.vae.empty()) file.autoencoder = weights::open_autoencoder(options.vae);
  require_part(file.autoencoder, "autoencoder", "give one with --vae");
  name_ = fs::path(options.model).stem().string();
  unet_ = models::unet_config(file.unet->config);
  text_ = models::clip_text_config(file.text_encoder->config);
  autoencoder_ = models::autoencoder_config(file.autoencoder->config);
  schedule_ = schedule::Schedule(scheduler_config(*file.scheduler));
  tokenizer_ = std::make_shared<const tokenizer::Tokenizer>(
      tokenizer::clip_tokenizer_texts(file.pad_token), static_cast<int>(text_.positions));
  base::require(tokenizer_->vocab_size() <= text_.vocabulary, ErrorCode::corrupt_file,
                options.model, ": the text encoder knows ", text_.vocabulary,
                " tokens, expected the ", tokenizer_->vocab_size(), " of CLIP");
  tokens_ = tokenizer_->length();
  const FileComponent parts[]{*file.text_encoder, *file.unet, *file.autoencoder};
  const std::string path = fs::absolute(options.model).lexically_normal().string();
  const std::string vae = options.vae.empty() ? path : fs::absolute(options.vae).string();
  const std::string names[]{path + "/text_encoder", path + "/unet", vae + "/vae"};
  for (std::size_t i = 0; i < std::size(parts); ++i) {
    sources_[i] = parts[i].weights;
    scopes_[i] = names[i];
  }
  recipe_ = choose_recipe(options, false);
  weights::ModelDefaults defaults = recipe_ ? recipe_->defaults : weights::ModelDefaults();
  if (!defaults.prompt) defaults.prompt = "an image";
  set_defaults(defaults);
  for (const std::string& note : file.notes) {
    notes_.push_back(base::concat(options.model, ": ", note));
  }
}

}  // namespace streamdiffusion::session

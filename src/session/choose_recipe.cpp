#include "session/choose_recipe.h"

#include "base/edit_distance.h"
#include "base/error.h"
#include "json/quote.h"

namespace streamdiffusion::session {
namespace {

using weights::Recipe;

const Recipe* by_name_of_model(const EngineOptions& options) {
  return options.model.empty() ? nullptr : weights::find_recipe_of_folder(options.model);
}

/// Of a LoRA that acts, the last one first, then of another UNet: they were distilled, whatever the
/// model is.
const Recipe* by_name_of_addition(const EngineOptions& options) {
  for (auto lora = options.lora_dict.rbegin(); lora != options.lora_dict.rend(); ++lora) {
    if (lora->scale == 0) continue;
    if (const Recipe* found = weights::find_recipe_of_folder(lora->file)) return found;
  }
  return options.unet.empty() ? nullptr : weights::find_recipe_of_folder(options.unet);
}

[[noreturn]] void refuse(const std::string& name) {
  std::vector<std::string_view> known;
  for (const Recipe& recipe : weights::recipes()) {
    for (const std::string& each : recipe.names) known.emplace_back(each);
  }
  const std::string nearest = base::nearest_word(name, known);
  base::fail(base::ErrorCode::invalid_argument, "recipe is ", json::quote(name),
             ", expected a published checkpoint such as ByteDance/SDXL-Lightning, or none",
             nearest.empty() ? "" : "; did you mean \"" + nearest + "\"?");
}

}  // namespace

const Recipe* choose_recipe(const EngineOptions& options, bool has_defaults) {
  if (options.recipe == "none") return nullptr;
  if (options.recipe.empty()) {
    if (const Recipe* found = by_name_of_addition(options)) return found;
    return has_defaults ? nullptr : by_name_of_model(options);
  }
  const Recipe* recipe = weights::find_recipe(options.recipe);
  if (recipe == nullptr) refuse(options.recipe);
  return recipe;
}

std::string recipe_message(const EngineOptions& options, const Recipe* used) {
  if (used != nullptr) {
    const bool other = options.vae.empty() && !used->autoencoder.empty();
    return base::concat(
        "recipe ", used->names.front(), ": ", weights::describe(*used),
        other ? "; its small autoencoder is " + used->autoencoder + " (--vae)" : "");
  }
  if (!options.recipe.empty()) return {};
  const Recipe* left_out = by_name_of_model(options);
  return left_out == nullptr
             ? ""
             : base::concat("recipe ", left_out->names.front(),
                            " is not used: the model's folder has a streamdiffusion.json");
}

}  // namespace streamdiffusion::session

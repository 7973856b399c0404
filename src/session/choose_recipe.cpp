#include "session/choose_recipe.h"

#include "base/edit_distance.h"
#include "base/error.h"
#include "json/quote.h"

namespace streamdiffusion::session {
namespace {

using weights::FoundRecipe;
using weights::Recipe;

FoundRecipe by_name_of_model(const EngineOptions& options) {
  return options.model.empty() ? FoundRecipe() : weights::find_recipe_of_folder(options.model);
}

/// Of a LoRA that acts, the last one first, then of another UNet: they were distilled, whatever the
/// model is.
FoundRecipe by_name_of_addition(const EngineOptions& options) {
  for (auto lora = options.lora_dict.rbegin(); lora != options.lora_dict.rend(); ++lora) {
    if (lora->scale == 0) continue;
    if (FoundRecipe found = weights::find_recipe_of_folder(lora->file)) return found;
  }
  return options.unet.empty() ? FoundRecipe() : weights::find_recipe_of_folder(options.unet);
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

FoundRecipe choose_recipe(const EngineOptions& options, bool has_defaults) {
  if (options.recipe == "none") return {};
  if (options.recipe.empty()) {
    if (FoundRecipe found = by_name_of_addition(options)) return found;
    return has_defaults ? FoundRecipe() : by_name_of_model(options);
  }
  FoundRecipe recipe = weights::find_recipe(options.recipe);
  if (!recipe) refuse(options.recipe);
  return recipe;
}

std::string left_out_recipe(const EngineOptions& options, const FoundRecipe& used) {
  if (used || !options.recipe.empty()) return {};
  const FoundRecipe left_out = by_name_of_model(options);
  return left_out ? base::concat("recipe ", left_out.name,
                                 " is not used: the model's folder has a streamdiffusion.json")
                  : std::string();
}

std::string recipe_message(const FoundRecipe& recipe, const SessionOptions& used,
                           const std::string& autoencoder) {
  return base::concat(
      "recipe ", recipe.name, ": ", weights::describe(*recipe.recipe, used),
      autoencoder.empty() ? "" : "; its small autoencoder is " + autoencoder + " (--vae)");
}

}  // namespace streamdiffusion::session

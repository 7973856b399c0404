// Which published checkpoint's recipe a model follows.
#pragma once

#include <string>

#include "streamdiffusion/options.h"
#include "weights/recipes.h"

namespace streamdiffusion::session {

/// The recipe that the options name, or else that of the model's name, unless the model has a
/// streamdiffusion.json (`has_defaults`); none if there is none. Throws invalid_argument for a name
/// that no recipe has, with the nearest one.
weights::FoundRecipe choose_recipe(const EngineOptions& options, bool has_defaults);

/// One line for a person: which recipe is left out because the folder has a streamdiffusion.json.
/// Empty where none is.
std::string left_out_recipe(const EngineOptions& options, const weights::FoundRecipe& used);

/// One line for a person: the recipe in use, and its settings as a session has them.
/// `autoencoder` is a smaller one to tell of; empty for none.
std::string recipe_message(const weights::FoundRecipe& recipe, const SessionOptions& used,
                           const std::string& autoencoder);

}  // namespace streamdiffusion::session

// Which published checkpoint's recipe a model follows.
#pragma once

#include <string>

#include "streamdiffusion/options.h"
#include "weights/recipes.h"

namespace streamdiffusion::session {

/// The recipe that the options name, or else that of the model's name, unless the model has a
/// streamdiffusion.json (`has_defaults`); null if there is none. Throws not_found for a name that
/// no recipe has, with the nearest one.
const weights::Recipe* choose_recipe(const EngineOptions& options, bool has_defaults);

/// One line for a person: which recipe is in use, or is left out because the folder has a
/// streamdiffusion.json. Empty where there is neither.
std::string recipe_message(const EngineOptions& options, const weights::Recipe* used);

}  // namespace streamdiffusion::session

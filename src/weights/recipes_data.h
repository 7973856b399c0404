// The text of recipes.json, which is built in.
#pragma once

#include <string_view>

namespace streamdiffusion::weights {

std::string_view recipes_text();

}  // namespace streamdiffusion::weights

// Settings of published checkpoints: with how many steps, at which timesteps and with which
// scheduler each was distilled. The data is recipes.json, which is part of the program.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "weights/model_folder.h"

namespace streamdiffusion::weights {

/// A published file by its content, whatever its name here is.
struct FileContent {
  /// 64 hexadecimal digits in lower case.
  std::string sha256;
  std::uint64_t bytes = 0;
};

struct Recipe {
  /// Repositories ("ORG/NAME") or files in them ("ORG/NAME/FILE.safetensors"). At least one.
  std::vector<std::string> names;
  std::vector<FileContent> files;
  /// As in a streamdiffusion.json.
  ModelDefaults defaults;
  /// The repository of a small autoencoder that has the checkpoint's latents; may be empty.
  std::string autoencoder;
  /// For a person: what prompts should look like; may be empty.
  std::string prompt_form;
};

/// A recipe, and that of its names by which it was found.
struct FoundRecipe {
  const Recipe* recipe = nullptr;
  std::string name = {};

  explicit operator bool() const { return recipe != nullptr; }
  const Recipe* operator->() const { return recipe; }
};

const std::vector<Recipe>& recipes();
/// Reads recipes. Throws corrupt_file for what a streamdiffusion.json could not say, and for a name
/// that stands twice.
std::vector<Recipe> parse_recipes(const json::Json& file);

/// The recipe with that name, if there is one. Case and the ending ".safetensors" do not count, and
/// a name without "/" may be the last part of one.
FoundRecipe find_recipe(std::string_view name);
/// The recipe of a model's folder or file by its path: in the hub's cache
/// (models--ORG--NAME/snapshots/REVISION) that of the file or of ORG/NAME, elsewhere that of its
/// last two names or its last name, and for a file then that of its folder.
FoundRecipe find_recipe_of_folder(const std::filesystem::path& path);

/// The recipe of a file of that size, by the hash of its content. `sha256` is called at most once,
/// and only where a recipe has a file of that size. Null if there is none.
const Recipe* find_recipe_of_content(std::uint64_t bytes,
                                     const std::function<std::string()>& sha256);

/// The settings that a recipe names, as `used` has them, and how prompts should look:
/// "scheduler euler, timestep_spacing trailing, num_inference_steps 4". What is unset is left out.
std::string describe(const Recipe& recipe, const SessionOptions& used);

}  // namespace streamdiffusion::weights

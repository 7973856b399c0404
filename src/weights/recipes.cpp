#include "weights/recipes.h"

#include <set>

#include "base/error.h"
#include "base/hub_folder.h"
#include "base/join.h"
#include "base/lower_case.h"
#include "params/check.h"
#include "weights/recipes_data.h"

namespace streamdiffusion::weights {
namespace {

using json::Json;

constexpr std::string_view kEnding = ".safetensors";

/// As names are compared.
std::string plain(std::string_view name) {
  std::string text = base::lower_case(std::string(name));
  if (text.ends_with(kEnding)) text.resize(text.size() - kEnding.size());
  return text;
}

std::string last_part(const std::string& name) {
  return name.substr(name.rfind('/') + 1);
}

bool is_file_name(const std::string& name) {
  return base::lower_case(name).ends_with(kEnding);
}

FileContent parse_content(const Json& entry) {
  entry.allow_only({"sha256", "bytes"});
  constexpr std::int64_t kMaxBytes = std::int64_t{1} << 48;
  constexpr std::size_t kDigits = 64;
  const Json hash = entry.at("sha256");
  const bool fits = hash.string().size() == kDigits &&
                    hash.string().find_first_not_of("0123456789abcdef") == std::string::npos;
  if (!fits) hash.refuse("64 hexadecimal digits in lower case");
  return {hash.string(), static_cast<std::uint64_t>(entry.at("bytes").integer(1, kMaxBytes))};
}

Recipe parse_recipe(const Json& entry) {
  entry.allow_only({"names", "files", "settings", "autoencoder", "prompt_form"});
  Recipe recipe{.defaults = parse_model_defaults(entry.at("settings")),
                .autoencoder = entry.string_or("autoencoder", ""),
                .prompt_form = entry.string_or("prompt_form", "")};
  const Json names = entry.at("names");
  if (!names.is(Json::Kind::array) || names.size() == 0) names.refuse("a list of names");
  for (std::size_t i = 0; i < names.size(); ++i) recipe.names.push_back(names[i].string());
  if (const auto files = entry.find("files")) {
    for (std::size_t i = 0; i < files->size(); ++i) {
      recipe.files.push_back(parse_content((*files)[i]));
    }
  }
  return recipe;
}

std::string shown(const auto& value) {
  return base::concat(value);
}
std::string shown(bool value) {
  return value ? "true" : "false";
}
template <typename Number>
std::string shown(const std::vector<Number>& value) {
  return base::joined(value, {}, ",");
}
std::string shown(const std::vector<WeightedPrompt>& value) {
  return base::concat(value.size(), " prompts");
}
std::string shown(const std::vector<WeightedSeed>& value) {
  return base::concat(value.size(), " seeds");
}
std::string shown(const std::vector<Lora>& value) {
  return base::concat(value.size(), " LoRAs");
}
std::string shown(const std::vector<ControlNet>& value) {
  return base::concat(value.size(), " ControlNets");
}
std::string shown(const std::vector<IpAdapter>& value) {
  return base::concat(value.size(), " IP-Adapters");
}
std::string shown(const std::vector<ImagePrompt>& value) {
  return base::concat("images of ", value.size(), " IP-Adapters");
}
std::string shown(const std::vector<ControlSettings>& value) {
  return base::concat("settings of ", value.size(), " ControlNets");
}

FoundRecipe find_by_last_names(const std::vector<std::string>& parts) {
  if (parts.size() < 2) return {};
  const FoundRecipe found = find_recipe(parts[parts.size() - 2] + "/" + parts.back());
  return found ? found : find_recipe(parts.back());
}

/// Whether a recipe says something of the row, for images from an input or from noise.
bool is_named(const Recipe& recipe, const auto& member) {
  const auto names = [&](const SessionOptions& options) {
    return member.get(params::Settings{.live = {.options = options}}).has_value();
  };
  return names(recipe.defaults.options) || names(recipe.defaults.text_to_image);
}

}  // namespace

std::vector<Recipe> parse_recipes(const Json& file) {
  file.allow_only({"recipes"});
  const Json list = file.at("recipes");
  if (!list.is(Json::Kind::array)) list.refuse("a list of recipes");
  std::vector<Recipe> all;
  std::set<std::string> seen;
  for (std::size_t i = 0; i < list.size(); ++i) {
    all.push_back(parse_recipe(list[i]));
    for (const std::string& name : all.back().names) {
      if (!seen.insert(plain(name)).second) {
        list[i].at("names").refuse(base::concat("no name a second time: ", name));
      }
    }
  }
  return all;
}

const std::vector<Recipe>& recipes() {
  static const std::vector<Recipe> all = parse_recipes(Json::parse(recipes_text(), "recipes.json"));
  return all;
}

FoundRecipe find_recipe(std::string_view name) {
  const std::string wanted = plain(name);
  const bool whole = wanted.find('/') != std::string::npos;
  for (const Recipe& recipe : recipes()) {
    for (const std::string& each : recipe.names) {
      const std::string known = plain(each);
      if (known == wanted || (!whole && last_part(known) == wanted)) return {&recipe, each};
    }
  }
  return {};
}

FoundRecipe find_recipe_of_folder(const std::filesystem::path& path) {
  const std::filesystem::path full = std::filesystem::absolute(path).lexically_normal();
  std::vector<std::string> parts;
  for (const std::filesystem::path& part : full) {
    if (!part.empty()) parts.push_back(part.string());
  }
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::string repository = base::hub_repository(parts[i]);
    if (repository.empty()) continue;
    const bool of_a_file = i + 2 < parts.size() && is_file_name(parts.back());
    const FoundRecipe of_file =
        of_a_file ? find_recipe(repository + "/" + parts.back()) : FoundRecipe();
    return of_file ? of_file : find_recipe(repository);
  }
  const FoundRecipe found = find_by_last_names(parts);
  if (found || parts.empty() || !is_file_name(parts.back())) return found;
  parts.pop_back();
  return find_by_last_names(parts);
}

const Recipe* find_recipe_of_content(std::uint64_t bytes,
                                     const std::function<std::string()>& sha256) {
  std::string hash;
  for (const Recipe& recipe : recipes()) {
    for (const FileContent& file : recipe.files) {
      if (file.bytes != bytes) continue;
      if (hash.empty()) hash = sha256();
      if (file.sha256 == hash) return &recipe;
    }
  }
  return nullptr;
}

std::string describe(const Recipe& recipe, const SessionOptions& used) {
  const params::Settings settings{.live = {.options = used}};
  std::vector<std::string> parts;
  for (const params::Parameter& row : params::parameters()) {
    if (!row.in.model_file) continue;
    std::visit(
        [&](const auto& type) {
          const auto value = type.member.get(settings);
          if (value && is_named(recipe, type.member)) {
            parts.push_back(base::concat(row.name, " ", shown(*value)));
          }
        },
        row.type);
  }
  if (!recipe.prompt_form.empty()) parts.push_back(recipe.prompt_form);
  return base::joined(parts);
}

}  // namespace streamdiffusion::weights

#include "model_files/model_files.h"

#include <optional>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/file_url.h"
#include "base/log.h"
#include "hub/file_hash.h"
#include "json/quote.h"
#include "model_files/ip_adapter_names.h"
#include "model_files/tiny_autoencoder.h"
#include "weights/recipes.h"
#include "weights/safetensors_folder.h"

namespace streamdiffusion::model_files {
namespace {

namespace fs = std::filesystem;

constexpr const char* kOwn = "own";
constexpr const char* kTiny = "tiny";

bool exists(const std::string& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

/// In the cache alone. Empty if it is not there, or not whole.
std::optional<fs::path> find(const hub::Settings& settings, const std::string& name) {
  if (const auto version = hub::parse_civitai_version(name))
    return hub::find_civitai(settings, *version);
  const auto repository = hub::parse_repository_name(name);
  if (!repository) return std::nullopt;
  const hub::Found found = hub::find_in_cache(settings, *repository);
  return found.complete() ? std::optional(found.path) : std::nullopt;
}

bool is_name(const std::string& text) {
  return hub::parse_civitai_version(text) || hub::parse_repository_name(text);
}

fs::path find_or_pull(const hub::Settings& settings, const std::string& name,
                      const DownloadEvents& events) {
  if (const auto found = find(settings, name)) return *found;
  return download(settings, name, {}, events).path;
}

/// What an option's value stands for; a path that does not exist stays, for the engine to refuse.
struct Resolved {
  std::string path;
  bool by_name = false;
};
Resolved resolve(const char* option, const std::string& text, const DownloadEvents& events) {
  if (text.empty() || exists(text) || !is_name(text)) return {text};
  try {
    return {find_or_pull(hub::read_settings(), text, events).string(), true};
  } catch (const Error& error) {
    base::fail(error.code(), events.spelled(option), " ", json::printable(text, 120),
               " is no folder here, so it is a name: ", error);
  }
}

/// The folder of the tiny autoencoder that the model is asked to use; empty, which is told, if none
/// fits.
std::string tiny_autoencoder(const EngineOptions& options, const DownloadEvents& events) {
  const TinyAutoencoder tiny = options.model.empty()
                                   ? TinyAutoencoder{.id = {}, .reason = "random weights have none"}
                                   : tiny_autoencoder_for(options.model, options.unet);
  if (!tiny.id.empty()) return find_or_pull(hub::read_settings(), tiny.id, events).string();
  base::log(base::LogLevel::notice, base::concat(events.spelled("vae"), " ", kTiny, ": ",
                                                 tiny.reason, "; the model's own is used"));
  return {};
}

/// The default of a model that is given by its name.
std::string tiny_unless_missing(const EngineOptions& options, const DownloadEvents& events) {
  const TinyAutoencoder tiny = tiny_autoencoder_for(options.model, options.unet);
  if (tiny.id.empty()) return {};
  try {
    std::string folder = find_or_pull(hub::read_settings(), tiny.id, events).string();
    base::log(base::LogLevel::notice,
              base::concat("autoencoder ", tiny.id, "; ", events.spelled("vae"),
                           " own takes the model's own, which is slower and finer"));
    return folder;
  } catch (const Error& error) {
    base::warn(error, "; the model's own autoencoder is used, which is slower");
    return {};
  }
}

/// The one file of a folder, else the path itself.
fs::path content_of(const std::string& path) {
  const std::vector<fs::path> found = weights::safetensors_in(path);
  return found.size() == 1 ? found.front() : fs::path(path);
}

/// The recipe of a published file under another name: of a LoRA, the last one first, the UNet or
/// the model. Empty if there is none, or if the engine finds one by a name that comes first.
std::string recipe_of_content(const EngineOptions& options) {
  std::vector<std::string> files;
  for (auto lora = options.lora_dict.rbegin(); lora != options.lora_dict.rend(); ++lora) {
    if (lora->scale != 0) files.push_back(lora->file);
  }
  files.insert(files.end(), {options.unet, options.model});
  for (const std::string& file : files) {
    std::error_code ignored;
    if (file.empty()) continue;
    if (weights::find_recipe_of_folder(file)) return {};
    const fs::path path = content_of(file);
    if (!fs::is_regular_file(path, ignored)) continue;
    const std::uint64_t bytes = fs::file_size(path, ignored);
    const auto hash = [&] { return hub::sha256_of_file(path, options.cache); };
    const weights::Recipe* found = weights::find_recipe_of_content(bytes, hash);
    if (found != nullptr) return found->names.front();
  }
  return {};
}

/// Addresses of files (file:) become paths, in YAML and in the libraries as in flags.
void read_addresses(EngineOptions& options) {
  const auto read = [](std::string& text) { text = base::path_of(text); };
  for (std::string* text : {&options.model, &options.vae, &options.unet, &options.text_encoder,
                            &options.text_encoder_2, &options.calibration})
    read(*text);
  for (Lora& lora : options.lora_dict) read(lora.file);
  for (ControlNet& net : options.controlnets) read(net.model);
  for (IpAdapter& adapter : options.ip_adapters) {
    read(adapter.file);
    read(adapter.image_encoder);
  }
}

}  // namespace

std::string with_file(const char* option, const std::string& text, const DownloadEvents& events) {
  return resolve(option, text, events).path;
}

EngineOptions with_files(EngineOptions options, const DownloadEvents& events) {
  read_addresses(options);
  for (IpAdapter& adapter : options.ip_adapters) read_image_files(adapter.prompt);  // named early
  const Resolved model = resolve("model", options.model, events);
  options.model = model.path;
  for (const auto& [option, text] : {std::pair("unet", &options.unet),
                                     {"text_encoder", &options.text_encoder},
                                     {"text_encoder_2", &options.text_encoder_2}}) {
    *text = resolve(option, *text, events).path;
  }
  for (Lora& lora : options.lora_dict) lora.file = resolve("lora", lora.file, events).path;
  for (ControlNet& net : options.controlnets)
    net.model = resolve("controlnet", net.model, events).path;
  for (IpAdapter& adapter : options.ip_adapters) find_ip_adapter_files(adapter, events);
  if (options.vae == kOwn) {
    options.vae.clear();
  } else if (options.vae == kTiny) {
    options.vae = tiny_autoencoder(options, events);
  } else if (options.vae.empty() && model.by_name) {
    options.vae = tiny_unless_missing(options, events);
  } else {
    options.vae = resolve("vae", options.vae, events).path;
  }
  if (options.recipe.empty()) options.recipe = recipe_of_content(options);
  return options;
}

}  // namespace streamdiffusion::model_files

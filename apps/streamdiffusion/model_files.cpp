#include "model_files.h"

#include <csignal>
#include <cstdio>
#include <optional>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/join.h"
#include "base/log.h"
#include "download_progress.h"
#include "hub/file_hash.h"
#include "hub/tiny_autoencoder.h"
#include "ip_adapter_files.h"
#include "json/quote.h"
#include "model_use.h"
#include "weights/recipes.h"

namespace streamdiffusion::app {
namespace {

namespace fs = std::filesystem;
using base::ErrorCode;

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
                      const StopSignals* signals) {
  if (const auto found = find(settings, name)) return *found;
  return pull_name(settings, name, {}, false, signals).path;
}

/// What a flag's value stands for; a path that does not exist stays, for the engine to refuse.
struct Resolved {
  std::string path;
  bool by_name = false;
};
Resolved resolve(const char* flag, const std::string& text, const StopSignals* signals) {
  if (text.empty() || exists(text) || !is_name(text)) return {text};
  try {
    return {find_or_pull(hub::read_settings(), text, signals).string(), true};
  } catch (const Error& error) {
    base::fail(error.code(), flag, " ", json::printable(text, 120),
               " is no folder here, so it is a name: ", error.what());
  }
}

/// The folder of the tiny autoencoder that `model` is asked to use; empty if it needs none.
std::string tiny_autoencoder(const std::string& model, const StopSignals* signals) {
  const auto name = hub::tiny_autoencoder_for(model);
  if (!name) return {};
  return find_or_pull(hub::read_settings(), name->id, signals).string();
}

/// The default of a model that is given by its name.
std::string tiny_unless_missing(const std::string& model, const StopSignals* signals) {
  try {
    std::string folder = tiny_autoencoder(model, signals);
    if (!folder.empty()) {
      base::log(base::LogLevel::notice,
                base::concat("autoencoder ", hub::tiny_autoencoder_for(model)->id,
                             "; --vae own takes the model's own, which is slower and finer"));
    }
    return folder;
  } catch (const Error& error) {
    base::warn(error.what(), "; the model's own autoencoder is used, which is slower");
    return {};
  }
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
    if (weights::find_recipe_of_folder(file) != nullptr) return {};
    if (!fs::is_regular_file(file, ignored)) continue;
    const std::uint64_t bytes = fs::file_size(file, ignored);
    const auto hash = [&] { return hub::sha256_of_file(file, options.cache); };
    const weights::Recipe* found = weights::find_recipe_of_content(bytes, hash);
    if (found != nullptr) return found->names.front();
  }
  return {};
}

void print_summary(const std::string& name, const hub::Pulled& pulled, double seconds) {
  if (pulled.received == 0) {
    std::fprintf(stderr, "%s  %zu files, %s, all there\n", name.c_str(), pulled.files,
                 size_text(pulled.bytes).c_str());
  } else {
    const auto rate = static_cast<std::uint64_t>(static_cast<double>(pulled.received) / seconds);
    std::fprintf(stderr, "%s  %zu files, %s; downloaded %s in %.1f s, %s/s\n", name.c_str(),
                 pulled.files, size_text(pulled.bytes).c_str(), size_text(pulled.received).c_str(),
                 seconds, size_text(rate).c_str());
  }
  if (!pulled.page.empty()) {
    std::fprintf(stderr, "license %s: %s\n",
                 pulled.license.empty() ? "not named" : pulled.license.c_str(),
                 pulled.page.c_str());
  }
}

hub::Pulled pull_with_progress(const hub::Settings& settings, const std::string& name,
                               const hub::PullOptions& options, bool quiet,
                               const hub::Stopped& stopped) {
  DownloadProgress progress(name, quiet);
  const hub::OnProgress show = [&](const hub::PullProgress& now) { progress.show(now); };
  if (const auto version = hub::parse_civitai_version(name))
    return hub::pull_civitai(settings, *version, options, show, stopped);
  const auto repository = hub::parse_repository_name(name);
  base::require(repository.has_value(), ErrorCode::invalid_argument, json::quote(name),
                " is no name of a model, expected ORG/NAME, as stabilityai/sd-turbo, or "
                "civitai:NUMBER");
  hub::PullOptions checked = options;
  checked.check = [&](const fs::path& folder) {
    try {
      check_configs(folder);
    } catch (const Error& error) {
      base::fail(error.code(), error.what(), "; its weights are not downloaded");
    }
  };
  return hub::pull(settings, *repository, checked, show, stopped);
}

}  // namespace

hub::Pulled pull_name(const hub::Settings& settings, const std::string& name,
                      const hub::PullOptions& options, bool quiet, const StopSignals* signals) {
  const hub::Stopped stopped = [signals] { return signals != nullptr && signals->received() != 0; };
  const auto begin = base::Clock::now();
  hub::Pulled pulled;
  try {
    pulled = pull_with_progress(settings, name, options, quiet, stopped);
  } catch (const hub::Interrupted&) {
    std::fprintf(stderr, "stopped; what has arrived is kept, and the next download continues it\n");
    throw Stopped{signals != nullptr ? signals->received() : SIGINT};
  }
  if (!quiet && pulled.files > 0) print_summary(name, pulled, base::seconds_since(begin));
  return pulled;
}

std::string with_file(const char* flag, const std::string& text, const StopSignals* signals) {
  return resolve(flag, text, signals).path;
}

EngineOptions with_files(EngineOptions options, const StopSignals* signals) {
  for (IpAdapter& adapter : options.ip_adapters) read_image_files(adapter.prompt);  // named early
  const Resolved model = resolve("--model", options.model, signals);
  options.model = model.path;
  for (const auto& [flag, text] : {std::pair("--unet", &options.unet),
                                   {"--text-encoder", &options.text_encoder},
                                   {"--text-encoder-2", &options.text_encoder_2}}) {
    *text = resolve(flag, *text, signals).path;
  }
  for (Lora& lora : options.lora_dict) lora.file = resolve("--lora", lora.file, signals).path;
  for (ControlNet& net : options.controlnets)
    net.model = resolve("--controlnet", net.model, signals).path;
  for (IpAdapter& adapter : options.ip_adapters) find_ip_adapter_files(adapter, signals);
  if (options.vae == kOwn) {
    options.vae.clear();
  } else if (options.vae == kTiny) {
    options.vae = tiny_autoencoder(options.model, signals);
  } else if (options.vae.empty() && model.by_name) {
    options.vae = tiny_unless_missing(options.model, signals);
  } else {
    options.vae = resolve("--vae", options.vae, signals).path;
  }
  if (options.recipe.empty()) options.recipe = recipe_of_content(options);
  return options;
}

}  // namespace streamdiffusion::app

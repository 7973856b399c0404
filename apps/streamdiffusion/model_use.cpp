#include "model_use.h"

#include <cstdio>

#include "base/error.h"
#include "base/join.h"
#include "hub/cache.h"
#include "json/quote.h"
#include "models/autoencoder.h"
#include "models/unet.h"
#include "session/model.h"
#include "weights/model_folder.h"
#include "weights/weight_store.h"

namespace streamdiffusion::app {
namespace {

namespace fs = std::filesystem;

std::string millions(std::int64_t parameters) {
  char text[48];
  std::snprintf(text, sizeof text, "%.0f million parameters",
                static_cast<double>(parameters) * 1e-6);
  return text;
}

ModelUse use_of_pipeline(const fs::path& folder) {
  EngineOptions options;
  options.model = folder.string();
  const session::Model model = session::Model::open(options);
  return {"--model", millions(model.parameters())};
}

/// A component alone, told apart by its class.
ModelUse use_of_component(const fs::path& folder) {
  const json::Json config = weights::read_component_config(folder);
  const std::string name = config.string_or("_class_name", "");
  if (name != "AutoencoderTiny" && name != "AutoencoderKL") {
    return {"", "a lone component: " +
                    (name.empty() ? std::string("without a class") : json::printable(name, 60))};
  }
  (void)models::autoencoder_config(config);
  const weights::WeightStore readable(folder);
  return {"--vae", name};
}

}  // namespace

void check_configs(const fs::path& folder) {
  std::error_code ignored;
  if (!fs::exists(folder / "model_index.json", ignored)) return;
  (void)models::unet_config(weights::read_component_config(folder / "unet"));
  (void)models::autoencoder_config(weights::read_component_config(folder / "vae"));
}

ModelUse use_of(const fs::path& path) {
  try {
    std::error_code ignored;
    if (!fs::is_directory(path, ignored)) return {"", "a safetensors file"};
    const auto missing = hub::missing_files(path);
    if (!missing.empty()) return {"", "incomplete, lacks " + base::joined(missing).substr(0, 200)};
    if (fs::exists(path / "model_index.json", ignored)) return use_of_pipeline(path);
    if (fs::exists(path / "config.json", ignored)) return use_of_component(path);
    return {"", "a safetensors file"};
  } catch (const Error& error) {
    return {"", std::string("cannot be used: ") + error.what()};
  }
}

}  // namespace streamdiffusion::app

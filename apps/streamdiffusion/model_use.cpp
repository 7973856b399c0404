#include "model_use.h"

#include <algorithm>
#include <cstdio>
#include <vector>

#include "base/error.h"
#include "base/join.h"
#include "hub/cache.h"
#include "model_files/check_configs.h"
#include "model_files/component_use.h"
#include "session/model.h"
#include "weights/controlnet_file.h"
#include "weights/model_folder.h"
#include "weights/safetensors_folder.h"
#include "weights/single_file.h"
#include "weights/unsupported_models.h"
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

ModelUse use_of_component(const fs::path& folder) {
  const model_files::ComponentUse use =
      model_files::use_of_component(weights::read_component_config(folder));
  const weights::WeightStore readable(folder);
  return {use.flag, use.text};
}

bool is_ip_adapter(const weights::SafetensorsFile& file) {
  return std::ranges::any_of(file.tensors(), [](const weights::StoredTensor& tensor) {
    return tensor.name.starts_with("ip_adapter.");
  });
}

ModelUse use_of_file(const fs::path& path) {
  if (weights::is_controlnet(path)) {
    (void)weights::open_controlnet_file(path);
    return {"--controlnet", "a ControlNet"};
  }
  const weights::SafetensorsFile file(weights::require_safetensors(path));
  if (weights::is_lora(file)) return {"--lora", "a LoRA"};
  if (is_ip_adapter(file)) return {"--ip-adapter", "an IP-Adapter"};
  if (file.find("down_blocks.0.resnets.0.conv1.weight") != nullptr) return {"--unet", "a UNet"};
  const weights::SingleFile parts = weights::open_single_file(path);
  if (parts.unet && parts.text_encoder) return {"--model", parts.family + " in one file"};
  if (parts.unet) return {"--unet", "a UNet of " + parts.family};
  if (parts.autoencoder) return {"--vae", "an autoencoder"};
  return {"--text-encoder", "a text encoder"};
}

/// Throws where also the missing files would not make it usable, so that nobody downloads them.
void check_what_is_there(const fs::path& folder) {
  try {
    model_files::check_configs(folder);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::not_found) throw;
  }
}

}  // namespace

ModelUse use_of(const fs::path& path) {
  try {
    std::error_code ignored;
    if (!fs::is_directory(path, ignored)) return use_of_file(path);
    const auto missing = hub::missing_files(path);
    if (!missing.empty()) {
      check_what_is_there(path);
      return {"", "incomplete, lacks " + base::joined(missing).substr(0, 200)};
    }
    if (fs::exists(path / "model_index.json", ignored)) return use_of_pipeline(path);
    if (fs::exists(path / "config.json", ignored)) return use_of_component(path);
    const std::vector<fs::path> files = weights::safetensors_in(path);
    if (files.size() != 1) return {"", "several .safetensors files, each by its name"};
    return use_of_file(files.front());
  } catch (const Error& error) {
    return {"", std::string("cannot be used: ") + error.what()};
  }
}

}  // namespace streamdiffusion::app

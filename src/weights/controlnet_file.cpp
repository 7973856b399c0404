#include "weights/controlnet_file.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/input_file.h"
#include "json/quote.h"
#include "weights/controlnet_parts.h"
#include "weights/ldm_components.h"
#include "weights/ldm_keys.h"
#include "weights/model_folder.h"
#include "weights/weight_store.h"

namespace streamdiffusion::weights {
namespace {

using base::ErrorCode;

constexpr const char* kEmbedding = "controlnet_cond_embedding.";
constexpr const char* kFirst = "controlnet_cond_embedding.conv_in.weight";

/// Anywhere in a key, and what it then is a file of.
struct Relative {
  std::string_view text;
  const char* what;
};
constexpr std::array kRelatives{Relative{"lora_controlnet", "a control LoRA"},
                                Relative{"lllite_unet", "a ControlNet-LLLite"},
                                Relative{"task_embedding", "a ControlNet-Union"},
                                Relative{"control_add_embedding", "a ControlNet-Union"},
                                Relative{"adapter.body.", "a T2I-Adapter"},
                                Relative{"body.0.block1.", "a T2I-Adapter"},
                                Relative{"body.0.resnets.", "a T2I-Adapter"},
                                Relative{"ip_adapter.", "an IP-Adapter (--ip-adapter)"}};

void refuse_relatives(const SafetensorsFile& file) {
  for (const StoredTensor& tensor : file.tensors()) {
    for (const Relative& sign : kRelatives) {
      base::require(tensor.name.find(sign.text) == std::string::npos, ErrorCode::unsupported,
                    file.path().string(), ": this is ", sign.what, " (tensor ",
                    json::quote(tensor.name), "), which is no ControlNet that is implemented");
    }
  }
}

/// Of diffusers' names: the first convolution's, and that of every second block, which halves the
/// size.
std::vector<std::int64_t> embedding_channels_of(const SafetensorsFile& file) {
  const LdmKeys keys(file, kEmbedding);
  std::vector<std::int64_t> channels{keys.dim("conv_in.weight", 0)};
  const int blocks = keys.count("blocks.");
  std::vector<std::string> convolutions{"conv_in.weight"};
  for (int i = 0; i < blocks; ++i)
    convolutions.push_back("blocks." + std::to_string(i) + ".weight");
  convolutions.emplace_back("conv_out.weight");
  require_whole_embedding(keys, convolutions);
  for (int i = 1; i < blocks; i += 2) {
    channels.push_back(keys.dim("blocks." + std::to_string(i) + ".weight", 0));
  }
  return channels;
}

}  // namespace

ControlNetFile open_controlnet_file(const std::filesystem::path& path) {
  const auto file = std::make_shared<const SafetensorsFile>(require_safetensors(path));
  refuse_relatives(*file);
  if (auto found = ldm_controlnet(file)) {
    return {.config = std::move(found->component.config),
            .embedding_channels = {},
            .weights = std::move(found->component.weights)};
  }
  base::require(file->find(kFirst) != nullptr, ErrorCode::unsupported, path.string(),
                ": holds no ControlNet that is whole: tensors \"input_hint_block.0.weight\" and \"",
                kFirst, "\" are missing, by which one begins");
  ControlNetFile out{.config = std::nullopt,
                     .embedding_channels = embedding_channels_of(*file),
                     .weights = std::make_shared<WeightStore>(path)};
  const std::filesystem::path beside = path.parent_path() / "config.json";
  if (base::is_there(beside)) out.config = json::Json::read(beside);
  return out;
}

bool is_controlnet(const std::filesystem::path& path) {
  const SafetensorsFile file(require_safetensors(path));
  return std::ranges::any_of(
      std::array<std::string_view, 3>{kFirst, "control_model.input_hint_block.0.weight",
                                      "input_hint_block.0.weight"},
      [&](std::string_view key) { return file.find(key) != nullptr; });
}

}  // namespace streamdiffusion::weights

#include "weights/unsupported_models.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "base/error.h"
#include "json/quote.h"

namespace streamdiffusion::weights {
namespace {

using base::ErrorCode;

/// Anywhere in a key, and what it then is a file of.
struct Sign {
  std::string_view text;
  const char* what;
};
constexpr const char* kControlNet = "a ControlNet, which is given with --controlnet";
constexpr std::array kOtherModels{
    Sign{"joint_blocks.", "Stable Diffusion 3"},
    Sign{"double_blocks.", "FLUX"},
    Sign{"control_model.", kControlNet},
    Sign{"controlnet_cond_embedding.", kControlNet},
    Sign{"zero_convs.", kControlNet},
    Sign{"ip_adapter.", "an IP-Adapter, which is given with --ip-adapter"},
    Sign{"adapter.body.", "a T2I-Adapter, which is not implemented"},
    Sign{"body.0.block1.", "a T2I-Adapter, which is not implemented"},
    Sign{"body.0.resnets.", "a T2I-Adapter, which is not implemented"},
    Sign{"edm_mean", "Playground 2.5, which scales its latents otherwise"},
    Sign{"edm_vpred.", "an EDM v-prediction model"},
};

bool is_lora_key(std::string_view name) {
  return name.starts_with("lora_") || name.find(".lora_") != std::string_view::npos ||
         name.find("_lora.") != std::string_view::npos || name.ends_with(".alpha");
}

/// ComfyUI's form of 8-bit weights: W = stored * scale, with the scales as tensors beside them.
bool is_scale_of_float8(std::string_view name) {
  return name == "scaled_fp8" || name.ends_with(".scaled_fp8") || name.ends_with(".scale_weight");
}

}  // namespace

bool is_lora(const SafetensorsFile& file) {
  return std::ranges::any_of(file.tensors(),
                             [](const StoredTensor& tensor) { return is_lora_key(tensor.name); });
}

void refuse_unsupported_models(const SafetensorsFile& file) {
  const std::string path = file.path().string();
  for (const StoredTensor& tensor : file.tensors()) {
    base::require(!is_lora_key(tensor.name), ErrorCode::unsupported, path,
                  ": this is a LoRA (tensor ", json::quote(tensor.name),
                  "); give it beside a model, with --lora");
    base::require(!is_scale_of_float8(tensor.name), ErrorCode::unsupported, path,
                  ": scaled 8-bit weights (tensor ", json::quote(tensor.name),
                  "), which are not read; expected a file with plain 8-bit, 16-bit or 32-bit "
                  "weights");
    for (const Sign& sign : kOtherModels) {
      base::require(tensor.name.find(sign.text) == std::string::npos, ErrorCode::unsupported, path,
                    ": this is ", sign.what, " (tensor ", json::quote(tensor.name),
                    "); expected Stable Diffusion 1, 2 or SDXL");
    }
  }
}

}  // namespace streamdiffusion::weights

#include "lora/key.h"

#include <array>

#include "base/error.h"
#include "json/quote.h"

namespace streamdiffusion::lora {
namespace {

using base::ErrorCode;

struct Suffix {
  std::string_view text;
  Part part;
  bool peft = false;
};

// Longer ones come before those that they end in.
constexpr std::array kSuffixes{
    Suffix{".lora_linear_layer.down.weight", Part::down},
    Suffix{".lora_linear_layer.up.weight", Part::up},
    Suffix{".lora_linear_layer.alpha", Part::alpha},
    Suffix{".lora.down.weight", Part::down},
    Suffix{".lora.up.weight", Part::up},
    Suffix{".lora.alpha", Part::alpha},
    Suffix{"_lora.down.weight", Part::down},
    Suffix{"_lora.up.weight", Part::up},
    Suffix{"_lora.alpha", Part::alpha},
    Suffix{".lora_down.weight", Part::down},
    Suffix{".lora_up.weight", Part::up},
    Suffix{".lora_mid.weight", Part::mid},
    Suffix{".lora_A.weight", Part::down, true},
    Suffix{".lora_B.weight", Part::up, true},
    Suffix{".alpha", Part::alpha},
    Suffix{".hada_w1_a", Part::hada_w1_a},
    Suffix{".hada_w1_b", Part::hada_w1_b},
    Suffix{".hada_w2_a", Part::hada_w2_a},
    Suffix{".hada_w2_b", Part::hada_w2_b},
    Suffix{".hada_t1", Part::hada_t1},
    Suffix{".hada_t2", Part::hada_t2},
    Suffix{".lokr_w1_a", Part::lokr_w1_a},
    Suffix{".lokr_w1_b", Part::lokr_w1_b},
    Suffix{".lokr_w1", Part::lokr_w1},
    Suffix{".lokr_w2_a", Part::lokr_w2_a},
    Suffix{".lokr_w2_b", Part::lokr_w2_b},
    Suffix{".lokr_w2", Part::lokr_w2},
    Suffix{".lokr_t2", Part::lokr_t2},
    Suffix{".diff", Part::diff},
    Suffix{".diff_b", Part::diff_bias},
};

struct Refused {
  std::string_view text, method;
};

// Anywhere in the name.
constexpr std::array kOtherMethods{
    Refused{".dora_scale", "DoRA (it scales the rows of the changed weight)"},
    Refused{".lora_magnitude_vector", "DoRA (it scales the rows of the changed weight)"},
    Refused{".oft_", "OFT (it rotates the weight)"},
    Refused{".boft_", "BOFT (it rotates the weight)"},
    Refused{".a1.weight", "GLoRA"},
    Refused{".a2.weight", "GLoRA"},
    Refused{".b1.weight", "GLoRA"},
    Refused{".b2.weight", "GLoRA"},
    Refused{".on_input", "IA3"},
    Refused{".w_norm", "a change of norm layers"},
    Refused{".b_norm", "a change of norm layers"},
    Refused{".set_weight", "a replaced weight"},
    Refused{".reshape_weight", "a reshaped weight"},
    Refused{".lora_B.bias", "a LoRA with biases"},
    Refused{".lora_up.bias", "a LoRA with biases"},
    Refused{"lora_controlnet", "a ControlNet as LoRA"},
    Refused{"lllite_unet_", "ControlNet-LLLite"},
};

constexpr std::array<std::string_view, 7> kOtherModels{
    "transformer.",           "lora_transformer_",      "double_blocks", "single_blocks",
    "lora_unet_joint_blocks", "diffusion_model.layers", "lora_te3_"};

void refuse_others(std::string_view name, const std::string& file) {
  for (const Refused& other : kOtherMethods) {
    base::require(name.find(other.text) == std::string_view::npos, ErrorCode::unsupported, file,
                  ": tensor ", json::quote(name), " belongs to ", other.method,
                  ", which is not implemented; expected LoRA, LoCon, LoHa or LoKr");
  }
  for (const std::string_view model : kOtherModels) {
    const bool found = model.find("blocks") == std::string_view::npos
                           ? name.starts_with(model)
                           : name.find(model) != std::string_view::npos;
    base::require(!found, ErrorCode::unsupported, file, ": tensor ", json::quote(name),
                  " is for a diffusion transformer (FLUX, SD3 and others); expected a LoRA for a "
                  "UNet of Stable Diffusion");
  }
}

/// PEFT writes the adapter's name into the key: ".lora_A.default.weight".
std::string without_adapter_name(std::string_view name) {
  for (const std::string_view matrix : {".lora_A.", ".lora_B."}) {
    const auto at = name.rfind(matrix);
    if (at == std::string_view::npos) continue;
    const auto adapter = at + matrix.size(), dot = name.find('.', adapter);
    if (dot == std::string_view::npos || name.substr(dot) != ".weight") continue;
    return std::string(name.substr(0, adapter)) + "weight";
  }
  return std::string(name);
}

}  // namespace

Key parse_key(std::string_view stored, const std::string& file) {
  refuse_others(stored, file);
  const std::string name = without_adapter_name(stored);
  for (const Suffix& suffix : kSuffixes) {
    if (!name.ends_with(suffix.text) || name.size() == suffix.text.size()) continue;
    std::string module = name.substr(0, name.size() - suffix.text.size());
    // ".processor.to_q_lora" is of the module ".to_q"
    if (suffix.text.front() == '_') {
      constexpr std::string_view processor = ".processor.";
      if (const auto at = module.rfind(processor); at != std::string::npos) {
        module.replace(at, processor.size(), ".");
      }
      if (module.ends_with(".to_out")) module += ".0";
    }
    return {std::move(module), suffix.part, suffix.peft};
  }
  base::fail(ErrorCode::corrupt_file, file, ": tensor ", json::quote(stored),
             " is of no kind that LoRA files hold; expected names such as "
             "\"lora_unet_...lora_down.weight\" or \"unet....lora_A.weight\"");
}

std::string_view to_string(Part part) {
  for (const Suffix& suffix : kSuffixes) {
    const bool plain = suffix.text.starts_with(".lora_") || suffix.text.starts_with(".hada") ||
                       suffix.text.starts_with(".lokr") || suffix.text.starts_with(".diff") ||
                       suffix.text == ".alpha";
    if (suffix.part == part && plain && suffix.text.find("linear") == std::string_view::npos) {
      return suffix.text.substr(1, suffix.text.find('.', 1) - 1);
    }
  }
  return "";
}

}  // namespace streamdiffusion::lora

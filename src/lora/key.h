// What the names of a LoRA file's tensors mean. Each of its writers spells them its own way; here a
// name is split into the module, still in the writer's spelling, and what the tensor is to it.
#pragma once

#include <string>
#include <string_view>

namespace streamdiffusion::lora {

/// What a tensor is to its module. LoRA: Hu et al. 2021 (arXiv 2106.09685); LoHa, LoKr and the
/// Tucker form of convolutions: LyCORIS, Yeh et al. 2023 (arXiv 2309.14859).
enum class Part {
  down,
  up,
  mid,
  alpha,
  hada_w1_a,
  hada_w1_b,
  hada_w2_a,
  hada_w2_b,
  hada_t1,
  hada_t2,
  lokr_w1,
  lokr_w1_a,
  lokr_w1_b,
  lokr_w2,
  lokr_w2_a,
  lokr_w2_b,
  lokr_t2,
  /// The whole change of the weight, and of the bias.
  diff,
  diff_bias,
};

struct Key {
  /// "lora_unet_mid_block_attentions_0_proj_in", "unet.mid_block.attentions.0.proj_in", ...
  std::string module;
  Part part = Part::down;
  /// Of PEFT, whose alpha is not a tensor but in the file's metadata.
  bool peft = false;
};

/// Splits a tensor's name. Throws unsupported for a tensor of a method that is not implemented
/// (DoRA, OFT, GLoRA, IA3, norm layers) or of another kind of model, and corrupt_file for any other
/// name. `file` is what messages call the file.
Key parse_key(std::string_view name, const std::string& file);

/// "lora_down", "hada_w1_a", ... for messages.
std::string_view to_string(Part part);

}  // namespace streamdiffusion::lora

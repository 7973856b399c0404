// Names of the same tensors in files of the original code (LDM: Stability, Civitai, kohya, ComfyUI)
// and in diffusers. Nothing here is a list of one model's names: the rules follow from how many
// layers each block has and which blocks attend, which the diffusers names themselves say.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace streamdiffusion::weights {

/// Begin the diffusers names of the attention in a UNet's innermost up block, and of an LCM's
/// projection of the guidance scale. Diffusers' script for Stable Diffusion keeps both.
constexpr std::string_view kInnermostAttention = "up_blocks.0.attentions.";
constexpr std::string_view kGuidanceProjection = "time_embedding.cond_proj";

/// The UNet's names without a prefix: "down_blocks.0.resnets.0.conv1.weight" is
/// "input_blocks.1.0.in_layers.2.weight".
class LdmUNetNames {
 public:
  /// `names` are the diffusers names of one UNet's tensors. Files of pruned UNets (one layer a
  /// block) that diffusers' own script wrote number their blocks as if they had two layers:
  /// `as_two_layers`.
  explicit LdmUNetNames(const std::vector<std::string>& names, bool as_two_layers = false);

  /// The LDM name of a tensor or of a module; empty if there is none.
  std::string of(std::string_view diffusers_name) const;
  /// Its name in a file of diffusers' own script where that is another one: the script takes the
  /// innermost up block to be without attention, so the attention that a pruned UNet has there
  /// keeps its name, and the upsampler takes its slot. Empty where the names agree.
  std::string of_script(std::string_view diffusers_name) const;

 private:
  struct Block {
    /// Number of its first layer among all input_blocks or output_blocks.
    int first = 0;
    int layers = 0;
    /// What its downsampler or upsampler belongs to.
    int last = 0;
    bool attends = false;
  };
  std::vector<Block> down_, up_;
};

/// What a ControlNet has beside a UNet's down path: "controlnet_down_blocks.0.weight" is
/// "zero_convs.0.0.weight". `last` is the number of the last convolution of input_hint_block. Empty
/// if there is none.
std::string ldm_controlnet_name(std::string_view diffusers_name, int last);

/// The autoencoder's: "decoder.up_blocks.0.resnets.0.conv1.weight" is
/// "decoder.up.3.block.0.conv1.weight" with `levels` = 4. Empty if there is none.
std::string ldm_autoencoder_name(std::string_view diffusers_name, int levels);

/// A tensor of a CLIP text encoder in an OpenCLIP file.
struct OpenClipTensor {
  std::string name;
  /// Which third of the rows, for the query, key and value, which are stored as one; else -1.
  int third = -1;
  /// text_projection is stored as [in, out].
  bool transposed = false;
};

/// Where "text_model.encoder.layers.0.self_attn.q_proj.weight" is in an OpenCLIP file:
/// "transformer.resblocks.0.attn.in_proj_weight", third 0. The name is empty if there is none.
OpenClipTensor open_clip_tensor(std::string_view transformers_name);

}  // namespace streamdiffusion::weights

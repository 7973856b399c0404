#include "weights/ldm_names.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <span>
#include <utility>

namespace streamdiffusion::weights {
namespace {

using Pair = std::pair<std::string_view, std::string_view>;

// Modules outside of the blocks. add_embedding is SDXL's, cond_proj that of an LCM.
constexpr std::array<Pair, 8> kUNetEnds{{{"conv_in", "input_blocks.0.0"},
                                         {"time_embedding.linear_1", "time_embed.0"},
                                         {"time_embedding.linear_2", "time_embed.2"},
                                         {"time_embedding.cond_proj", "time_embed.cond_proj"},
                                         {"add_embedding.linear_1", "label_emb.0.0"},
                                         {"add_embedding.linear_2", "label_emb.0.2"},
                                         {"conv_norm_out", "out.0"},
                                         {"conv_out", "out.2"}}};
constexpr std::array<Pair, 6> kResnetParts{{{"norm1", "in_layers.0"},
                                            {"conv1", "in_layers.2"},
                                            {"time_emb_proj", "emb_layers.1"},
                                            {"norm2", "out_layers.0"},
                                            {"conv2", "out_layers.3"},
                                            {"conv_shortcut", "skip_connection"}}};
constexpr std::array<Pair, 5> kAutoencoderAttention{{{"group_norm", "norm"},
                                                     {"to_q", "q"},
                                                     {"to_k", "k"},
                                                     {"to_v", "v"},
                                                     {"to_out.0", "proj_out"}}};
constexpr std::array<Pair, 4> kTextEnds{
    {{"embeddings.token_embedding.weight", "token_embedding.weight"},
     {"embeddings.position_embedding.weight", "positional_embedding"},
     {"final_layer_norm.weight", "ln_final.weight"},
     {"final_layer_norm.bias", "ln_final.bias"}}};
constexpr std::array<Pair, 5> kTextParts{{{"layer_norm1", "ln_1"},
                                          {"layer_norm2", "ln_2"},
                                          {"self_attn.out_proj", "attn.out_proj"},
                                          {"mlp.fc1", "mlp.c_fc"},
                                          {"mlp.fc2", "mlp.c_proj"}}};

/// Takes `beginning` off the front of `text`.
bool take(std::string_view& text, std::string_view beginning) {
  if (!text.starts_with(beginning)) return false;
  text.remove_prefix(beginning.size());
  return true;
}

/// Takes "12." or a final "12".
std::optional<int> take_number(std::string_view& text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || value < 0) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  if (!text.empty() && !take(text, ".")) return std::nullopt;
  return value;
}

/// `name` with the module at its beginning replaced; empty if it is none of the table.
std::string renamed(std::string_view name, std::span<const Pair> table) {
  for (const auto& [from, to] : table) {
    std::string_view rest = name;
    if (take(rest, from) && (rest.empty() || rest.front() == '.')) {
      return std::string(to) + std::string(rest);
    }
  }
  return {};
}

std::string join(std::string_view a, int number, std::string_view b) {
  return std::string(a) + std::to_string(number) + std::string(b);
}

/// Layers of one block, and whether it attends, from one tensor's name.
template <typename Block>
void count(std::string_view name, std::string_view side, std::vector<Block>& blocks) {
  if (!take(name, side)) return;
  const auto block = take_number(name);
  if (!block || *block > 64) return;
  const auto at = static_cast<std::size_t>(*block);
  if (blocks.size() <= at) blocks.resize(at + 1);
  const bool attention = name.starts_with("attentions.");
  if (!take(name, "resnets.") && !take(name, "attentions.")) return;
  if (const auto layer = take_number(name)) {
    blocks[at].layers = std::max(blocks[at].layers, *layer + 1);
    blocks[at].attends |= attention;
  }
}

}  // namespace

LdmUNetNames::LdmUNetNames(const std::vector<std::string>& names, bool as_two_layers) {
  for (const std::string& name : names) {
    count(name, "down_blocks.", down_);
    count(name, "up_blocks.", up_);
  }
  constexpr int kEntriesOfTwo = 3;  // two and the downsampler, or the three of an up block
  int next = 1;                     // input_blocks.0 is conv_in
  for (Block& block : down_) {
    block.first = next;
    next += as_two_layers ? kEntriesOfTwo : block.layers + 1;
    block.last = next - 1;
  }
  next = 0;
  for (Block& block : up_) {
    block.first = next;
    next += as_two_layers ? kEntriesOfTwo : block.layers;
    block.last = next - 1;
  }
}

std::string LdmUNetNames::of(std::string_view name) const {
  if (std::string end = renamed(name, kUNetEnds); !end.empty()) return end;
  std::string_view rest = name;
  if (take(rest, "mid_block.")) {
    if (take(rest, "attentions.0")) return "middle_block.1" + std::string(rest);
    if (!take(rest, "resnets.")) return {};
    const auto layer = take_number(rest);
    const std::string part = renamed(rest, kResnetParts);
    return layer && !part.empty() ? join("middle_block.", 2 * *layer, "." + part) : "";
  }
  const bool down = take(rest, "down_blocks.");
  if (!down && !take(rest, "up_blocks.")) return {};
  const auto number = take_number(rest);
  const std::vector<Block>& blocks = down ? down_ : up_;
  if (!number || static_cast<std::size_t>(*number) >= blocks.size()) return {};
  const Block& block = blocks[static_cast<std::size_t>(*number)];
  const std::string_view side = down ? "input_blocks." : "output_blocks.";
  if (down && take(rest, "downsamplers.0.conv")) {
    return join(side, block.last, ".0.op" + std::string(rest));
  }
  if (!down && take(rest, "upsamplers.0.conv")) {
    return join(side, block.last, (block.attends ? ".2.conv" : ".1.conv") + std::string(rest));
  }
  const bool attention = take(rest, "attentions.");
  if (!attention && !take(rest, "resnets.")) return {};
  const auto layer = take_number(rest);
  if (!layer) return {};
  if (attention)
    return join(side, block.first + *layer, rest.empty() ? ".1" : ".1." + std::string(rest));
  const std::string part = renamed(rest, kResnetParts);
  return part.empty() ? "" : join(side, block.first + *layer, ".0." + part);
}

std::string LdmUNetNames::of_script(std::string_view name) const {
  if (name.starts_with(kGuidanceProjection)) return std::string(name);
  if (up_.empty() || !up_.front().attends) return {};
  if (name.starts_with(kInnermostAttention)) return std::string(name);
  std::string_view rest = name;
  return take(rest, "up_blocks.0.upsamplers.0.conv")
             ? join("output_blocks.", up_.front().last, ".1.conv" + std::string(rest))
             : "";
}

std::string ldm_controlnet_name(std::string_view name, int last) {
  if (take(name, "controlnet_mid_block.")) return "middle_block_out.0." + std::string(name);
  if (take(name, "controlnet_down_blocks.")) {
    const auto number = take_number(name);
    return number ? join("zero_convs.", *number, ".0." + std::string(name)) : "";
  }
  if (!take(name, "controlnet_cond_embedding.")) return {};
  constexpr std::string_view kHint = "input_hint_block.";
  if (take(name, "conv_in.")) return join(kHint, 0, "." + std::string(name));
  if (take(name, "conv_out.")) return join(kHint, last, "." + std::string(name));
  if (!take(name, "blocks.")) return {};
  const auto number = take_number(name);
  return number ? join(kHint, 2 * (*number + 1), "." + std::string(name)) : "";
}

std::string ldm_autoencoder_name(std::string_view name, int levels) {
  const std::string half = std::string(name.substr(0, name.find('.')));
  if (half == "quant_conv" || half == "post_quant_conv") return std::string(name);
  if (half != "encoder" && half != "decoder") return {};
  std::string_view rest = name.substr(half.size() + 1);
  const std::string prefix = half + ".";
  if (rest.starts_with("conv_in.") || rest.starts_with("conv_out.")) return std::string(name);
  if (take(rest, "conv_norm_out")) return prefix + "norm_out" + std::string(rest);
  const auto resnet_part = [](std::string_view part) {
    return take(part, "conv_shortcut") ? "nin_shortcut" + std::string(part) : std::string(part);
  };
  if (take(rest, "mid_block.attentions.0.")) {
    const std::string part = renamed(rest, kAutoencoderAttention);
    return part.empty() ? "" : prefix + "mid.attn_1." + part;
  }
  if (take(rest, "mid_block.resnets.")) {
    const auto layer = take_number(rest);
    return layer ? join(prefix + "mid.block_", *layer + 1, "." + resnet_part(rest)) : "";
  }
  const bool down = take(rest, "down_blocks.");
  if (!down && !take(rest, "up_blocks.")) return {};
  const auto block = take_number(rest);
  if (!block || *block >= levels) return {};
  const std::string level =
      down ? join(prefix + "down.", *block, ".") : join(prefix + "up.", levels - 1 - *block, ".");
  if (take(rest, "downsamplers.0.")) return level + "downsample." + std::string(rest);
  if (take(rest, "upsamplers.0.")) return level + "upsample." + std::string(rest);
  if (!take(rest, "resnets.")) return {};
  const auto layer = take_number(rest);
  return layer ? join(level + "block.", *layer, "." + resnet_part(rest)) : "";
}

OpenClipTensor open_clip_tensor(std::string_view name) {
  take(name, "text_model.");
  if (name == "text_projection.weight") return {.name = "text_projection", .transposed = true};
  for (const auto& [from, to] : kTextEnds) {
    if (name == from) return {.name = std::string(to)};
  }
  if (!take(name, "encoder.layers.")) return {};
  const auto layer = take_number(name);
  if (!layer) return {};
  const std::string block = join("transformer.resblocks.", *layer, ".");
  constexpr std::array<std::string_view, 3> kThirds{"self_attn.q_proj.", "self_attn.k_proj.",
                                                    "self_attn.v_proj."};
  for (std::size_t i = 0; i < kThirds.size(); ++i) {
    if (take(name, kThirds[i])) {
      return {.name = block + "attn.in_proj_" + std::string(name), .third = static_cast<int>(i)};
    }
  }
  const std::string part = renamed(name, kTextParts);
  return {.name = part.empty() ? "" : block + part};
}

}  // namespace streamdiffusion::weights

// The modules of a model that a LoRA may change, by every name that a file may give them. Names
// with underscores ("down_blocks_0_attentions_0") cannot be split again, so the map is built from
// the model's own tensors.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/tensor.h"

namespace streamdiffusion::lora {

/// Networks that a LoRA may change. text_2 is SDXL's second text encoder.
enum class Network { unet, text, text_2 };
inline constexpr Network kNetworks[]{Network::unet, Network::text, Network::text_2};

/// "unet", "text_encoder" or "text_encoder_2".
std::string_view to_string(Network network);

/// A network and all its tensors, by their names in diffusers and transformers.
struct NetworkTensors {
  Network network = Network::unet;
  std::vector<tensor::TensorSpec> tensors;
};

/// A module with a weight.
struct Module {
  Network network = Network::unet;
  /// As in diffusers: "mid_block.attentions.0.proj_in". Its tensors are NAME.weight and NAME.bias.
  std::string name;
  /// Of its weight.
  std::vector<std::int64_t> dims;
  bool has_bias = false;
};

class ModuleMap {
 public:
  explicit ModuleMap(std::span<const NetworkTensors> model);

  struct Found {
    const Module* module;
    /// Whether the file spelled it as LDM does.
    bool ldm;
  };
  /// The module of that spelling; nothing if the model has none.
  std::optional<Found> find(std::string_view spelled) const;
  /// The network that the spelling's prefix names, whether or not the model has one.
  static std::optional<Network> network_of(std::string_view spelled);
  bool has(Network network) const { return by_network_.contains(network); }

 private:
  using Names = std::map<std::string, Found, std::less<>>;
  void add(const NetworkTensors& network);

  std::vector<std::unique_ptr<Module>> modules_;
  std::map<Network, Names> by_network_;
};

}  // namespace streamdiffusion::lora

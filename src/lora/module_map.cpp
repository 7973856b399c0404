#include "lora/module_map.h"

#include <algorithm>
#include <array>
#include <memory>
#include <set>

#include "weights/ldm_names.h"

namespace streamdiffusion::lora {
namespace {

struct Prefix {
  std::string_view text;
  Network network;
};

// What a name begins with, by its writer.
constexpr std::array kPrefixes{
    Prefix{"lora_unet_", Network::unet},
    Prefix{"lycoris_", Network::unet},
    Prefix{"unet.", Network::unet},
    Prefix{"model.diffusion_model.", Network::unet},
    Prefix{"diffusion_model.", Network::unet},
    Prefix{"lora_te1_", Network::text},
    Prefix{"lora_te2_", Network::text_2},
    Prefix{"lora_te_", Network::text},
    Prefix{"text_encoder_2.", Network::text_2},
    Prefix{"text_encoder.", Network::text},
    Prefix{"text_encoders.clip_l.transformer.", Network::text},
    Prefix{"text_encoders.clip_h.transformer.", Network::text},
    Prefix{"text_encoders.clip_g.transformer.", Network::text_2},
};
constexpr std::string_view kPeftPrefix = "base_model.model.";

/// What diffusers before 0.22 called the projections of a text encoder's attention.
constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kOldTextNames{
    {{".to_q", ".q_proj"}, {".to_k", ".k_proj"}, {".to_v", ".v_proj"}, {".to_out.0", ".out_proj"}}};

std::string underscored(std::string name) {
  std::ranges::replace(name, '.', '_');
  return name;
}

const Prefix* prefix_of(std::string_view spelled) {
  const auto found = std::ranges::find_if(
      kPrefixes, [&](const Prefix& prefix) { return spelled.starts_with(prefix.text); });
  return found == kPrefixes.end() ? nullptr : &*found;
}

std::string_view without_peft_prefix(std::string_view spelled) {
  if (spelled.starts_with(kPeftPrefix)) spelled.remove_prefix(kPeftPrefix.size());
  return spelled;
}

}  // namespace

std::string_view to_string(Network network) {
  switch (network) {
    case Network::unet:
      return "unet";
    case Network::text:
      return "text_encoder";
    case Network::text_2:
      return "text_encoder_2";
  }
  return "";
}

ModuleMap::ModuleMap(std::span<const NetworkTensors> model) {
  for (const NetworkTensors& network : model) add(network);
}

void ModuleMap::add(const NetworkTensors& network) {
  std::vector<std::string> all;
  for (const tensor::TensorSpec& spec : network.tensors) all.push_back(spec.name);
  const std::set<std::string_view> existing(all.begin(), all.end());
  const weights::LdmUNetNames ldm(all);
  Names& names = by_network_[network.network];
  constexpr std::string_view weight = ".weight", text = "text_model.";
  for (const tensor::TensorSpec& spec : network.tensors) {
    if (!spec.name.ends_with(weight)) continue;
    auto module = std::make_unique<Module>();
    module->network = network.network;
    module->name = spec.name.substr(0, spec.name.size() - weight.size());
    module->dims = spec.dims;
    module->has_bias = existing.contains(module->name + ".bias");
    const auto give = [&](const std::string& name, bool is_ldm) {
      names.try_emplace(name, Found{module.get(), is_ldm});
      names.try_emplace(underscored(name), Found{module.get(), is_ldm});
    };
    give(module->name, false);
    if (network.network == Network::unet) {
      if (const std::string other = ldm.of(module->name); !other.empty()) give(other, true);
    } else {
      // The text model's own prefix may be missing, and the two attention spellings differ.
      if (module->name.starts_with(text)) give(module->name.substr(text.size()), false);
      for (const auto& [old, now] : kOldTextNames) {
        if (!module->name.ends_with(now)) continue;
        give(module->name.substr(0, module->name.size() - now.size()) + std::string(old), false);
      }
    }
    modules_.push_back(std::move(module));
  }
}

std::optional<Network> ModuleMap::network_of(std::string_view spelled) {
  const Prefix* prefix = prefix_of(without_peft_prefix(spelled));
  return prefix == nullptr ? std::nullopt : std::optional(prefix->network);
}

std::optional<ModuleMap::Found> ModuleMap::find(std::string_view spelled) const {
  spelled = without_peft_prefix(spelled);
  const auto look = [&](const Names& names, std::string_view name) -> std::optional<Found> {
    const auto found = names.find(name);
    return found == names.end() ? std::nullopt : std::optional(found->second);
  };
  if (const Prefix* prefix = prefix_of(spelled)) {
    const auto names = by_network_.find(prefix->network);
    if (names == by_network_.end()) return std::nullopt;
    return look(names->second, spelled.substr(prefix->text.size()));
  }
  for (const auto& [network, names] : by_network_) {  // a name without a prefix
    if (const auto found = look(names, spelled)) return found;
  }
  return std::nullopt;
}

}  // namespace streamdiffusion::lora

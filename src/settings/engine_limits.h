// Parameters whose range depends on the engine: lists with an item for each LoRA, ControlNet or
// IP-Adapter, and what names levels or layers of the UNet.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string_view>
#include <variant>

#include "params/table.h"

namespace streamdiffusion::settings {

/// How many the engine has of what the row's list is about; nothing for other rows. `info` has
/// `loras`, `controlnets` and `ip_adapters`, as EngineInfo.
inline std::optional<std::size_t> adapters_of(const params::Parameter& row, const auto& info) {
  const std::string_view name = row.name;
  if (name == "lora_scales") return info.loras.size();
  if (name == "control_settings") return info.controlnets.size();
  if (name == "image_prompts") return info.ip_adapters.size();
  return std::nullopt;
}

/// Takes no longer list than the engine has adapters for, and no level that its UNet does not have
/// (`info.unet_levels`; 0 for not known), nor layers that are not known in it
/// (`info.image_layers`). A list for which there are none stays as it is.
inline void limit_to_engine(params::Parameter& row, const auto& info) {
  const std::size_t count = adapters_of(row, info).value_or(0);
  const bool is_level = row.name == std::string_view("cache_first_level");
  std::visit(
      [&](auto& type) {
        if constexpr (requires { type.maximum_items; }) {
          if (count > 0) type.maximum_items = count;
        }
        if constexpr (requires { type.whole_alone; }) type.whole_alone = !info.image_layers;
        if constexpr (requires { type.multiple; }) {
          if (is_level && info.unet_levels > 0) {
            type.maximum = std::min<std::int64_t>(type.maximum, info.unet_levels - 1);
          }
        }
      },
      row.type);
}

}  // namespace streamdiffusion::settings

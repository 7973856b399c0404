// Names of tensors of networks that stand beside a UNet, several of one kind: ROOT.0.NAME and on.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace streamdiffusion::models {

struct NumberedName {
  std::size_t number = 0;
  std::string_view name;
};

/// "1" and "conv_in.weight" of "controlnets.1.conv_in.weight" for the root "controlnets"; nothing
/// for a name that begins with another root.
std::optional<NumberedName> numbered_name(std::string_view root, std::string_view tensor);

}  // namespace streamdiffusion::models

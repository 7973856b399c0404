#include "lora/lora_set.h"

#include <algorithm>
#include <bit>

#include "base/error.h"

namespace streamdiffusion::lora {

LoraSet::LoraSet(const std::vector<std::string>& files, const ModuleMap& modules) {
  for (const std::string& file : files) {
    files_.push_back(std::make_shared<const LoraFile>(file, modules));
  }
}

std::vector<float> LoraSet::effective(Network network, std::span<const float> scales) const {
  std::vector<float> out(scales.begin(), scales.end());
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (!files_[i]->changes(network)) out[i] = 0;
  }
  const bool none = std::ranges::all_of(out, [](float scale) { return scale == 0; });
  return none ? std::vector<float>() : out;
}

std::string LoraSet::variant(Network network, std::string_view tensor,
                             std::span<const float> scales) const {
  std::string text;
  for (std::size_t i = 0; i < scales.size(); ++i) {
    if (scales[i] == 0 || !files_[i]->changes(network, tensor)) continue;
    text += base::concat("\nlora ", i, " * ", std::bit_cast<std::uint32_t>(scales[i]));
  }
  return text;
}

void LoraSet::add(Network network, std::string_view tensor, std::span<const float> scales,
                  std::span<float> values) const {
  for (std::size_t i = 0; i < scales.size(); ++i) {
    if (scales[i] != 0 && files_[i]->changes(network, tensor)) {
      files_[i]->add(network, tensor, scales[i], values);
    }
  }
}

}  // namespace streamdiffusion::lora

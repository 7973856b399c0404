#include "lora/lora_set.h"

#include <algorithm>
#include <bit>

#include "base/error.h"
#include "base/same_file.h"

namespace streamdiffusion::lora {

LoraSet::LoraSet(const std::vector<std::string>& files, const ModuleMap& modules) {
  for (const std::string& file : files) {
    auto opened = std::make_shared<const LoraFile>(file, modules);
    for (std::size_t i = 0; i < files_.size(); ++i) {
      base::require(!base::is_same_file(opened->path(), files_[i]->path()),
                    ErrorCode::invalid_argument, "LoRA ", file, ": is the same file as ", files[i],
                    "; expected each LoRA once, with one scale");
    }
    files_.push_back(std::move(opened));
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

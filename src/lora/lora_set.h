// Several LoRAs on one model, each with a scale. The changes add up: W + sum of scale * change,
// always from the weights of the model's own file, so that no number of changes of a scale drifts.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lora/lora_file.h"

namespace streamdiffusion::lora {

class LoraSet {
 public:
  LoraSet() = default;
  /// Opens the files, in this order. Throws as LoraFile does, and invalid_argument for two names of
  /// one file.
  LoraSet(const std::vector<std::string>& files, const ModuleMap& modules);

  std::size_t size() const { return files_.size(); }
  const LoraFile& operator[](std::size_t i) const { return *files_[i]; }

  /// The scales with 0 for each LoRA that does not change this network, so that equal results are
  /// equal keys. Empty if nothing is changed.
  std::vector<float> effective(Network network, std::span<const float> scales) const;
  /// What tells the changed tensor from that of other scales; empty for one that is not changed.
  std::string variant(Network network, std::string_view tensor,
                      std::span<const float> scales) const;
  /// Adds all changes to the tensor's values. One scale a LoRA.
  void add(Network network, std::string_view tensor, std::span<const float> scales,
           std::span<float> values) const;

 private:
  std::vector<std::shared_ptr<const LoraFile>> files_;
};

}  // namespace streamdiffusion::lora

// The scale that PEFT keeps beside its matrices: alpha / r, or alpha / sqrt(r) with rslora
// (Kalajdzievski 2023, arXiv 2312.03732). diffusers writes it into the file's metadata, PEFT itself
// into adapter_config.json beside the file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "json/json.h"
#include "lora/module_map.h"

namespace streamdiffusion::lora {

class PeftMetadata {
 public:
  /// Of a LoRA file with this metadata. Throws corrupt_file for values of other types, and
  /// unsupported for DoRA or a pattern that is a regular expression.
  PeftMetadata(const std::map<std::string, std::string>& metadata,
               const std::filesystem::path& lora_file);

  /// What the product of the matrices of rank `rank` is multiplied by; 1 where nothing is said.
  double scale(const Module& module, std::int64_t rank) const;

 private:
  struct Config {
    std::optional<double> alpha;
    /// Module name, or the end of one, to its alpha.
    std::map<std::string, double, std::less<>> alpha_pattern;
    bool rslora = false;
  };
  static Config read(const json::Json& object, const std::string& prefix);

  std::map<Network, Config> configs_;
};

}  // namespace streamdiffusion::lora

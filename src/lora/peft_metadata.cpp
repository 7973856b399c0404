#include "lora/peft_metadata.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/input_file.h"
#include "json/quote.h"

namespace streamdiffusion::lora {
namespace {

using base::ErrorCode;

double finite_alpha(const json::Json& value) {
  const double alpha = value.number();
  if (std::abs(alpha) > 1e6) value.refuse("a number from -1000000 to 1000000");
  return alpha;
}

/// PEFT takes the keys as regular expressions; those that files hold are names.
std::string plain_pattern(std::string_view pattern, const json::Json& where) {
  if (pattern.starts_with('^')) pattern.remove_prefix(1);
  const bool plain = !pattern.empty() && std::ranges::all_of(pattern, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
           c == '_';
  });
  base::require(plain, ErrorCode::unsupported, where.where(), " is for the pattern ",
                json::quote(pattern), ", expected the name of a module");
  return std::string(pattern);
}

bool names(std::string_view pattern, std::string_view module) {
  if (!module.ends_with(pattern)) return false;
  return module.size() == pattern.size() || module[module.size() - pattern.size() - 1] == '.';
}

}  // namespace

PeftMetadata::PeftMetadata(const std::map<std::string, std::string>& metadata,
                           const std::filesystem::path& lora_file) {
  const std::filesystem::path beside = lora_file.parent_path() / "adapter_config.json";
  if (const auto own = metadata.find("lora_adapter_metadata"); own != metadata.end()) {
    const auto object =
        json::Json::parse(own->second, lora_file.string() + ": lora_adapter_metadata",
                          {.bytes = 16U << 20U, .values = 200'000, .depth = 8});
    for (const Network network : kNetworks) {
      configs_[network] = read(object, std::string(to_string(network)) + ".");
    }
  } else if (base::is_there(beside)) {
    const Config config =
        read(json::Json::read(beside, {.bytes = 16U << 20U, .values = 200'000, .depth = 8}), "");
    for (const Network network : kNetworks) configs_[network] = config;
  }
}

PeftMetadata::Config PeftMetadata::read(const json::Json& object, const std::string& prefix) {
  Config config;
  if (object.boolean_or(prefix + "use_dora", false)) {
    base::fail(ErrorCode::unsupported, object.at(prefix + "use_dora").where(),
               " is true: DoRA is not implemented; expected LoRA, LoCon, LoHa or LoKr");
  }
  if (const auto alpha = object.find(prefix + "lora_alpha")) config.alpha = finite_alpha(*alpha);
  config.rslora = object.boolean_or(prefix + "use_rslora", false);
  if (const auto pattern = object.find(prefix + "alpha_pattern")) {
    if (!pattern->is(json::Json::Kind::object)) pattern->refuse("an object {module: alpha}");
    for (std::size_t i = 0; i < pattern->size(); ++i) {
      const auto [name, value] = pattern->member(i);
      config.alpha_pattern[plain_pattern(name, value)] = finite_alpha(value);
    }
  }
  return config;
}

double PeftMetadata::scale(const Module& module, std::int64_t rank) const {
  const auto config = configs_.find(module.network);
  if (config == configs_.end()) return 1;
  std::optional<double> alpha = config->second.alpha;
  for (const auto& [pattern, value] : config->second.alpha_pattern) {
    if (names(pattern, module.name)) alpha = value;
  }
  if (!alpha) return 1;
  const auto r = static_cast<double>(rank);
  return *alpha / (config->second.rslora ? std::sqrt(r) : r);
}

}  // namespace streamdiffusion::lora

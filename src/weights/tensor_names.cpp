// Renames between the conventions of diffusers and transformers versions.
#include "weights/tensor_names.h"

#include <array>
#include <utility>

namespace streamdiffusion::weights {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kAttentionNames{
    {{".to_q.", ".query."},
     {".to_k.", ".key."},
     {".to_v.", ".value."},
     {".to_out.0.", ".proj_attn."}}};

std::string replaced(std::string_view name, std::size_t at, std::size_t length,
                     std::string_view by) {
  return std::string(name).replace(at, length, by);
}

}  // namespace

std::vector<std::string> alternative_names(std::string_view name) {
  std::vector<std::string> out;
  constexpr std::string_view prefix = "text_model.";
  if (name.starts_with(prefix)) {
    out.emplace_back(name.substr(prefix.size()));
  } else {
    out.push_back(std::string(prefix) + std::string(name));
  }
  for (const auto& [current, deprecated] : kAttentionNames) {
    if (const auto at = name.rfind(current); at != std::string_view::npos) {
      out.push_back(replaced(name, at, current.size(), deprecated));
    }
    if (const auto at = name.rfind(deprecated); at != std::string_view::npos) {
      out.push_back(replaced(name, at, deprecated.size(), current));
    }
  }
  return out;
}

bool matches(std::string_view name, std::string_view pattern) {
  const bool any_prefix = pattern.starts_with('*');
  if (any_prefix) pattern.remove_prefix(1);
  const bool any_suffix = pattern.ends_with('*');
  if (any_suffix) pattern.remove_suffix(1);
  if (any_prefix && any_suffix) return name.find(pattern) != std::string_view::npos;
  if (any_prefix) return name.ends_with(pattern);
  return any_suffix ? name.starts_with(pattern) : name == pattern;
}

}  // namespace streamdiffusion::weights

#include "weights/tensor_names.h"

#include <array>
#include <utility>

namespace streamdiffusion::weights {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 4> attention_parts{
    {{".to_q.", ".query."},
     {".to_k.", ".key."},
     {".to_v.", ".value."},
     {".to_out.0.", ".proj_attn."}}};

std::string replaced(std::string_view name, std::size_t at, std::size_t length,
                     std::string_view by) {
  return std::string(name).replace(at, length, by);
}

}  // namespace

std::vector<std::string> other_spellings(std::string_view name) {
  std::vector<std::string> out;
  constexpr std::string_view prefix = "text_model.";
  if (name.starts_with(prefix)) {
    out.emplace_back(name.substr(prefix.size()));
  } else {
    out.push_back(std::string(prefix) + std::string(name));
  }
  for (const auto& [today, older] : attention_parts) {
    if (const auto at = name.rfind(today); at != std::string_view::npos) {
      out.push_back(replaced(name, at, today.size(), older));
    }
    if (const auto at = name.rfind(older); at != std::string_view::npos) {
      out.push_back(replaced(name, at, older.size(), today));
    }
  }
  return out;
}

bool matches(std::string_view name, std::string_view pattern) {
  const bool open_start = pattern.starts_with('*');
  if (open_start) pattern.remove_prefix(1);
  const bool open_end = pattern.ends_with('*');
  if (open_end) pattern.remove_suffix(1);
  if (open_start && open_end) return name.find(pattern) != std::string_view::npos;
  if (open_start) return name.ends_with(pattern);
  return open_end ? name.starts_with(pattern) : name == pattern;
}

}  // namespace streamdiffusion::weights

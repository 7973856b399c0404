#include "params/nul_note.h"

#include <algorithm>

#include "base/error.h"

namespace streamdiffusion::params {
namespace {

using base::concat;

/// Of those whose texts `text_of` gives, the note of the first that has one.
std::string first_note(const auto& items, const auto& text_of) {
  for (std::size_t i = 0; i < items.size(); ++i) {
    const std::string note = nul_note(text_of(items[i]));
    if (!note.empty()) return note + (items.size() > 1 ? concat(", of item ", i) : "");
  }
  return {};
}

}  // namespace

std::string nul_note(const std::string& text) {
  const std::size_t at = text.find('\0');
  if (at == std::string::npos) return {};
  return concat(" without a NUL; byte ", at, ", counted from 0, is one");
}
std::string nul_note(const std::vector<WeightedPrompt>& prompts) {
  return first_note(prompts, [](const WeightedPrompt& prompt) { return prompt.text; });
}
std::string nul_note(const std::vector<Lora>& loras) {
  return first_note(loras, [](const Lora& lora) { return lora.file; });
}
std::string nul_note(const std::vector<ControlNet>& nets) {
  return first_note(nets, [](const ControlNet& net) { return net.model; });
}
std::string nul_note(const std::vector<IpAdapter>& adapters) {
  std::vector<std::string> paths;
  for (const IpAdapter& adapter : adapters) {
    paths.insert(paths.end(), {adapter.file, adapter.image_encoder});
    paths.insert(paths.end(), adapter.prompt.files.begin(), adapter.prompt.files.end());
  }
  const auto has_nul = [](const std::string& path) { return !nul_note(path).empty(); };
  const auto found = std::ranges::find_if(paths, has_nul);
  return found == paths.end() ? std::string() : nul_note(*found);
}

}  // namespace streamdiffusion::params

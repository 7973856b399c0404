#include "lora/lora_file.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "base/error.h"
#include "base/input_file.h"
#include "base/join.h"
#include "base/log.h"
#include "json/quote.h"
#include "lora/peft_metadata.h"
#include "weights/safetensors_folder.h"

namespace streamdiffusion::lora {
namespace {

using base::ErrorCode;
using weights::StoredTensor;
namespace fs = std::filesystem;

constexpr std::size_t kMaxListed = 10;
constexpr double kMaxAlpha = 1e6;

/// What diffusers and PEFT call the file in a folder.
fs::path file_in(const fs::path& path) {
  std::error_code ignored;
  if (!fs::is_directory(path, ignored)) return path;
  for (const char* name : {"pytorch_lora_weights.safetensors", "adapter_model.safetensors"}) {
    if (base::is_there(path / name)) return path / name;
  }
  const std::vector<fs::path> found = weights::safetensors_in(path);
  if (found.size() == 1) return found.front();
  base::fail(ErrorCode::not_found, path.string(), ": a folder with ", found.size(),
             " .safetensors files and no pytorch_lora_weights.safetensors; expected a LoRA file");
}

base::MessageLines listed(const std::vector<std::string>& names) {
  base::MessageLines lines;
  for (std::size_t i = 0; i < std::min(names.size(), kMaxListed); ++i) {
    lines.add(json::quote(names[i]));
  }
  if (names.size() > kMaxListed) {
    lines.add(base::concat("... and ", names.size() - kMaxListed, " more"));
  }
  return lines;
}

}  // namespace

LoraFile::LoraFile(const fs::path& path, const ModuleMap& modules)
    : file_(weights::require_safetensors(file_in(path))), metadata_(file_.metadata()) {
  const PeftMetadata peft(metadata_, file_.path());
  trained_for_ = find_trained_for();
  const Groups groups = group(modules);
  for (const auto& [module, parts] : groups) add_module(*module, parts, peft);
  base::require(!changes_.empty(), ErrorCode::corrupt_file, file_.path().string(),
                ": holds no tensor, expected a LoRA");
}

LoraFile::Groups LoraFile::group(const ModuleMap& modules) const {
  Groups groups;
  std::vector<std::string> unknown;
  std::size_t dropped = 0;
  for (const StoredTensor& tensor : file_.tensors()) {
    const lora::Key key = parse_key(tensor.name, file_.path().string());
    const auto found = modules.find(key.module);
    if (!found) {
      unknown.push_back(tensor.name);
      continue;
    }
    Group& group = groups[found->module];
    if (!group.parts.empty() && group.ldm != found->ldm) {  // both spellings: diffusers' is used
      ++dropped;
      if (found->ldm) continue;
      group.parts.clear();
    }
    group.ldm = found->ldm;
    group.peft |= key.peft;
    const auto [at, fresh] = group.parts.try_emplace(key.part, &tensor);
    base::require(fresh, ErrorCode::corrupt_file, file_.path().string(), ": ",
                  json::quote(tensor.name), " and ", json::quote(at->second->name),
                  " say the same of ", json::quote(found->module->name), ", expected one of them");
  }
  if (!unknown.empty()) fail_unknown(unknown, modules);
  if (dropped > 0) {
    base::warn(file_.path().string(),
               ": modules are there under two names; those that LDM gives them are not used");
  }
  return groups;
}

void LoraFile::fail_unknown(const std::vector<std::string>& unknown,
                            const ModuleMap& modules) const {
  const std::string file = file_.path().string();
  for (const std::string& name : unknown) {
    const auto network = ModuleMap::network_of(name);
    if (!network || modules.has(*network)) continue;
    base::fail(ErrorCode::unsupported, file, ": ", json::quote(name), " is for a ",
               to_string(*network), ", which this model does not have",
               *network == Network::text_2 ? ": the LoRA is for SDXL" : "", trained_for_);
  }
  base::fail(ErrorCode::unsupported, file, ": the model has no module for ", unknown.size(), " of ",
             file_.tensors().size(), " tensors", trained_for_, ":", listed(unknown));
}

std::string LoraFile::find_trained_for() const {
  for (const char* key : {"ss_base_model_version", "modelspec.architecture"}) {
    if (const auto found = metadata_.find(key); found != metadata_.end()) {
      return base::concat(" (the file says that it was trained for ", json::quote(found->second),
                          ")");
    }
  }
  return family_by_shape();
}

std::string LoraFile::family_by_shape() const {
  constexpr std::pair<std::int64_t, const char*> kFamilies[]{
      {768, "Stable Diffusion 1"}, {1024, "Stable Diffusion 2"}, {2048, "SDXL"}};
  for (const StoredTensor& tensor : file_.tensors()) {
    const lora::Key key = parse_key(tensor.name, file_.path().string());
    const bool keys = key.module.ends_with("attn2_to_k") || key.module.ends_with("attn2.to_k");
    const bool has_inputs = key.part == Part::down || key.part == Part::hada_w1_b;
    if (!keys || !has_inputs || tensor.dims.size() < 2) continue;
    for (const auto& [width, family] : kFamilies) {
      if (tensor.dims[1] == width) {
        return base::concat(" (by its shapes the file is for ", family, ": a text embedding of ",
                            width, " channels)");
      }
    }
  }
  return {};
}

std::optional<double> LoraFile::alpha(const Group& group) const {
  const auto found = group.parts.find(Part::alpha);
  if (found == group.parts.end()) return std::nullopt;
  const StoredTensor& tensor = *found->second;
  const double value = file_.read_number(tensor);
  base::require(std::abs(value) <= kMaxAlpha, ErrorCode::corrupt_file, file_.path().string(), ": ",
                json::quote(tensor.name), " is ", value, ", expected a number from ", -kMaxAlpha,
                " to ", kMaxAlpha);
  return value;
}

void LoraFile::add_module(const Module& module, const Group& group, const PeftMetadata& peft) {
  Change change{.parts = group.parts, .dims = module.dims};
  if (const auto bias = change.parts.find(Part::diff_bias); bias != change.parts.end()) {
    add_bias(module, *bias->second);
    change.parts.erase(bias);
    if (change.parts.empty()) return;
  }
  Factors shapes;
  const auto own = alpha(group);
  for (const auto& [part, tensor] : change.parts) {
    shapes[part].dims = tensor->dims;
    if (part == Part::alpha) continue;
    std::vector<float> values(static_cast<std::size_t>(tensor->elements()));
    file_.read_finite_f32(*tensor, values);  // a NaN is found now, not in the middle of a stream
  }
  const std::string where =
      base::concat(file_.path().string(), ": ", json::quote(module.name), trained_for_, ' ');
  const Shape shape = check_shape(shapes, module.dims, where);
  change.form = shape.form;
  change.rank = shape.rank;
  if (shape.rank > 0) {
    const auto rank = static_cast<double>(shape.rank);
    const double scale = own ? *own / rank : group.peft ? peft.scale(module, shape.rank) : 1.0;
    change.scale = static_cast<float>(scale);
  }
  change.parts.erase(Part::alpha);
  changes_.emplace(lora::LoraFile::Key{module.network, module.name + ".weight"}, std::move(change));
}

void LoraFile::add_bias(const Module& module, const StoredTensor& bias) {
  const std::int64_t out = module.dims.front();
  base::require(module.has_bias && bias.elements() == out, ErrorCode::corrupt_file,
                file_.path().string(), ": ", json::quote(bias.name), " is ",
                weights::to_string(bias.dims), ", expected ",
                module.has_bias ? base::concat(out, " numbers") : "none: the module has no bias");
  std::vector<float> values(static_cast<std::size_t>(bias.elements()));
  file_.read_finite_f32(bias, values);
  changes_.emplace(Key{module.network, module.name + ".bias"},
                   Change{.parts = {{Part::diff, &bias}}, .form = Form::diff, .dims = {out}});
}

bool LoraFile::changes(Network network, std::string_view tensor) const {
  return changes_.contains({network, std::string(tensor)});
}

bool LoraFile::changes(Network network) const {
  return std::ranges::any_of(changes_,
                             [&](const auto& change) { return change.first.first == network; });
}

Factors LoraFile::read(const Change& change) const {
  Factors factors;
  for (const auto& [part, tensor] : change.parts) {
    Factor& factor = factors[part];
    factor.dims = tensor->dims;
    factor.values.resize(static_cast<std::size_t>(tensor->elements()));
    file_.read_finite_f32(*tensor, factor.values);
  }
  return factors;
}

void LoraFile::add(Network network, std::string_view tensor, float scale,
                   std::span<float> values) const {
  const Change& change = changes_.at({network, std::string(tensor)});
  add_change(read(change), change.form, change.dims, scale * change.scale, values);
}

std::string LoraFile::summary() const {
  std::map<Network, std::size_t> counts;
  std::set<std::int64_t> ranks;
  for (const auto& [key, change] : changes_) {
    ++counts[key.first];
    if (change.rank > 0) ranks.insert(change.rank);
  }
  std::string text;
  for (const auto& [network, count] : counts) {
    text += base::concat(text.empty() ? "" : ", ", count, " weights of ", to_string(network));
  }
  if (ranks.empty()) return text;
  text += base::concat(", rank ", *ranks.begin());
  return ranks.size() == 1 ? text : text + base::concat(" to ", *ranks.rbegin());
}

}  // namespace streamdiffusion::lora

// Finds the weight files of a folder and reads tensors from them.
#include "weights/weight_store.h"

#include <algorithm>
#include <array>
#include <set>

#include "base/error.h"
#include "base/input_file.h"
#include "json/json.h"
#include "json/quote.h"
#include "weights/tensor_names.h"

namespace streamdiffusion::weights {
namespace {

using base::ErrorCode;
using base::fail;
using base::require;
namespace fs = std::filesystem;

constexpr std::array<std::string_view, 2> kBaseNames{"diffusion_pytorch_model", "model"};
constexpr std::array<std::string_view, 3> kVariants{"", "fp16", "bf16"};

struct Candidate {
  fs::path path;
  bool index = false;
};

// In order of preference. The index of a variant has two names: BASE.safetensors.index.fp16.json
// (diffusers) and BASE.fp16.safetensors.index.json.
std::vector<Candidate> candidates(const fs::path& folder) {
  std::vector<Candidate> out;
  for (const std::string_view variant : kVariants) {
    const std::string dotted = variant.empty() ? "" : '.' + std::string(variant);
    for (const std::string_view name : kBaseNames) {
      const std::string base(name);
      out.push_back({folder / (base + ".safetensors.index" + dotted + ".json"), true});
      if (!variant.empty())
        out.push_back({folder / (base + dotted + ".safetensors.index.json"), true});
      out.push_back({folder / (base + dotted + ".safetensors"), false});
    }
  }
  return out;
}

[[noreturn]] void fail_nothing_found(const fs::path& folder) {
  std::error_code ignored;
  require(fs::is_directory(folder, ignored), ErrorCode::not_found, folder.string(),
          ": no such folder");
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, ignored)) {
    const fs::path& file = entry.path();
    if (!is_pickle_name(file)) continue;
    fail(ErrorCode::not_found, file.string(),
         ": pickled weights are not read, since a pickle can run any code; expected ",
         (folder / "*.safetensors").string(), " (diffusers' save_pretrained writes it)");
  }
  fail(ErrorCode::not_found, folder.string(),
       ": no weights; expected diffusion_pytorch_model.safetensors, ",
       "model.safetensors, a .fp16 variant of them, or an index of shards");
}

// The file name of a shard. Only a plain name is accepted: a path could lead out of the folder.
std::string shard_name(const json::Json& value) {
  const std::string& name = value.string();
  const bool plain = name.size() <= 255 &&
                     name.find_first_of(std::string_view("/\\\0", 3)) == std::string::npos &&
                     name.ends_with(".safetensors") && !name.starts_with('.');
  if (!plain) value.refuse("a plain file name that ends in .safetensors");
  return name;
}

}  // namespace

WeightStore::WeightStore(const fs::path& folder_or_file) {
  if (folder_or_file.extension() == ".safetensors" && base::is_file(folder_or_file)) {
    open_single(folder_or_file);
    return;
  }
  for (const Candidate& found : candidates(folder_or_file)) {
    if (!base::is_there(found.path)) continue;
    found.index ? open_shards(found.path) : open_single(found.path);
    return;
  }
  fail_nothing_found(folder_or_file);
}

void WeightStore::add_file(const fs::path& path) {
  files_.push_back(std::make_unique<SafetensorsFile>(path));
  const SafetensorsFile* file = files_.back().get();
  for (const StoredTensor& tensor : file->tensors()) {
    const auto [at, fresh] = tensors_.try_emplace(tensor.name, Entry{&tensor, file});
    require(fresh, ErrorCode::corrupt_file, path.string(), ": tensor ", json::quote(tensor.name),
            " is in ", at->second.file->path().filename().string(), " too");
  }
}

void WeightStore::open_single(const fs::path& file) {
  label_ = file.string();
  add_file(file);
}

void WeightStore::open_shards(const fs::path& index) {
  label_ = index.string();
  const json::Json map = json::Json::read(index).at("weight_map");
  if (!map.is(json::Json::Kind::object)) map.refuse("an object {tensor: file}");
  std::map<std::string, std::string> listed;
  std::set<std::string> shards;
  for (std::size_t i = 0; i < map.size(); ++i) {
    const auto [name, file] = map.member(i);
    shards.insert(listed[std::string(name)] = shard_name(file));
  }
  for (const std::string& shard : shards) add_file(index.parent_path() / shard);
  for (const auto& [name, shard] : listed) {
    const auto at = tensors_.find(name);
    require(at != tensors_.end() && at->second.file->path().filename() == shard,
            ErrorCode::corrupt_file, label_, ": tensor ", json::quote(name), " is not in ",
            json::quote(shard), " as \"weight_map\" says");
  }
  for (const auto& [name, entry] : tensors_) {
    require(listed.contains(name), ErrorCode::corrupt_file, label_,
            ": \"weight_map\" does not list tensor ", json::quote(name), " of ",
            entry.file->path().filename().string());
  }
}

const WeightStore::Entry* WeightStore::entry(std::string_view name) const {
  if (const auto at = tensors_.find(name); at != tensors_.end()) return &at->second;
  for (const std::string& other : alternative_names(name)) {
    if (const auto at = tensors_.find(other); at != tensors_.end()) return &at->second;
  }
  return nullptr;
}

const WeightStore::Entry& WeightStore::required(std::string_view name) const {
  const Entry* found = entry(name);
  require(found != nullptr, ErrorCode::not_found, label_, ": tensor ", json::quote(name),
          " is missing");
  return *found;
}

const StoredTensor* WeightStore::find(std::string_view name) const {
  const Entry* found = entry(name);
  return found == nullptr ? nullptr : found->tensor;
}

void WeightStore::read_f32(std::string_view name, std::span<const std::int64_t> dims,
                           std::span<float> out) const {
  const Entry& found = required(name);
  require(same_dims(found.tensor->dims, dims), ErrorCode::corrupt_file, found.file->path().string(),
          ": tensor ", json::quote(name), " is ", to_string(found.tensor->dims), ", expected ",
          to_string(dims));
  found.file->read_finite_f32(*found.tensor, out);
}

std::string WeightStore::file_of(const StoredTensor& tensor) const {
  return required(tensor.name).file->path().string();
}

bool same_dims(std::span<const std::int64_t> stored, std::span<const std::int64_t> expected) {
  const bool stored_is_longer = stored.size() > expected.size();
  const auto& longer = stored_is_longer ? stored : expected;
  const auto& shorter = stored_is_longer ? expected : stored;
  if (!std::equal(shorter.begin(), shorter.end(), longer.begin())) return false;
  if (longer.size() == shorter.size()) return true;
  return shorter.size() == 2 && longer.size() == 4 && longer[2] == 1 && longer[3] == 1;
}

}  // namespace streamdiffusion::weights

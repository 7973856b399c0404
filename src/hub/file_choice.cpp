// The choice follows names alone: a repository's files are known before any of them is there.
#include "hub/file_choice.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>

#include "base/error.h"
#include "base/join.h"
#include "hub/name.h"
#include "json/quote.h"

namespace streamdiffusion::hub {
namespace {

using base::ErrorCode;

constexpr std::array<std::string_view, 2> kBaseNames{"diffusion_pytorch_model", "model"};
constexpr std::array<std::string_view, 6> kTokenizerFiles{"vocab.json",
                                                          "merges.txt",
                                                          "tokenizer.json",
                                                          "tokenizer_config.json",
                                                          "special_tokens_map.json",
                                                          "added_tokens.json"};
constexpr std::array<std::string_view, 4> kPickles{".bin", ".ckpt", ".pt", ".pth"};

bool is_index(std::string_view name) {
  return name.ends_with(".json");
}

bool is_pickle(std::string_view path) {
  return std::ranges::any_of(kPickles, [&](std::string_view end) { return path.ends_with(end); });
}

class Chooser {
 public:
  Chooser(const std::string& id, const std::vector<RemoteFile>& listing, Precision precision)
      : id_(id), listing_(listing), precision_(precision) {
    for (const RemoteFile& file : listing) by_path_[file.path] = &file;
  }

  FileChoice choose() {
    if (has("model_index.json")) {
      pipeline();
    } else if (has("config.json")) {
      take("config.json");
      weights("");
    } else {
      single_file();
    }
    return std::move(choice_);
  }

 private:
  bool has(const std::string& path) const { return by_path_.contains(path); }

  bool has_folder(const std::string& folder) const {
    const auto next = by_path_.lower_bound(folder + "/");
    return next != by_path_.end() && next->first.starts_with(folder + "/");
  }

  bool take(const std::string& path) {
    const auto found = by_path_.find(path);
    if (found == by_path_.end()) return false;
    choice_.files.push_back(*found->second);
    return true;
  }

  /// Before gigabytes of text encoders are fetched for a network that is not there.
  void refuse_other_pipelines() const {
    if (has_folder("unet")) return;
    const bool transformer = has_folder("transformer");
    base::fail(ErrorCode::unsupported, id_, ": a pipeline without unet/",
               transformer ? " (it has transformer/)" : "",
               "; only those of Stable Diffusion's kind are supported");
  }

  void pipeline() {
    refuse_other_pipelines();
    take("model_index.json");
    for (const char* own :
         {"streamdiffusion.json", "concepts.json", "page.json", "words.json", "int8.json"})
      take(own);
    for (const ComponentName& component : pipeline_components()) {
      const std::string folder(component.name);
      if (!has_folder(folder)) continue;
      switch (component.kind) {
        case ComponentKind::scheduler:
          take(folder + "/scheduler_config.json");
          break;
        case ComponentKind::tokenizer:
          for (const std::string_view name : kTokenizerFiles)
            take(folder + "/" + std::string(name));
          break;
        case ComponentKind::weights:
          take(folder + "/config.json");
          weights(folder + "/");
          break;
      }
    }
  }

  /// `prefix` is empty or ends in "/".
  void weights(const std::string& prefix) {
    for (const std::string& name : weight_names(precision_)) {
      if (!take(prefix + name)) continue;
      if (is_index(name)) choice_.indexes.push_back(choice_.files.back());
      return;
    }
    refuse_pickles(prefix);
    base::fail(ErrorCode::not_found, id_, ": ", prefix.empty() ? "the root" : prefix,
               " holds no weights; expected diffusion_pytorch_model.safetensors or "
               "model.safetensors, a .fp16 variant of them, or an index of shards");
  }

  void refuse_pickles(const std::string& prefix) const {
    for (const RemoteFile& file : listing_) {
      if (!file.path.starts_with(prefix) || !is_pickle(file.path)) continue;
      base::fail(ErrorCode::not_found, id_, ": ", json::quote(file.path),
                 " is a pickle, which can run any code when it is read, and there are no "
                 "safetensors beside it; expected *.safetensors (the publisher's, perhaps in "
                 "another revision, or converted on a machine that may run the pickle)");
    }
  }

  void single_file() {
    std::vector<const RemoteFile*> found;
    for (const RemoteFile& file : listing_) {
      const bool root = file.path.find('/') == std::string::npos;
      if (root && file.path.ends_with(".safetensors")) found.push_back(&file);
    }
    if (found.empty()) refuse_pickles("");
    base::require(!found.empty(), ErrorCode::not_found, id_,
                  ": no model; expected model_index.json (a pipeline in diffusers' layout), "
                  "config.json with weights, or a .safetensors file");
    base::require(found.size() == 1, ErrorCode::not_found, id_, ": holds ", found.size(),
                  " models, expected the name of one behind it: ",
                  base::joined(found, [&](const RemoteFile* file) {
                    return id_ + "/" + json::printable(file->path, 100);
                  }).substr(0, 1000));
    choice_.files.push_back(*found.front());
  }

  const std::string& id_;
  const std::vector<RemoteFile>& listing_;
  Precision precision_;
  std::map<std::string, const RemoteFile*, std::less<>> by_path_;
  FileChoice choice_;
};

}  // namespace

const std::vector<ComponentName>& pipeline_components() {
  static const std::vector<ComponentName> all{{"scheduler", ComponentKind::scheduler},
                                              {"tokenizer", ComponentKind::tokenizer},
                                              {"tokenizer_2", ComponentKind::tokenizer},
                                              {"text_encoder", ComponentKind::weights},
                                              {"text_encoder_2", ComponentKind::weights},
                                              {"unet", ComponentKind::weights},
                                              {"vae", ComponentKind::weights}};
  return all;
}

std::vector<std::string> weight_names(Precision precision) {
  std::vector<std::string_view> variants{"", "fp16", "bf16"};
  if (precision == Precision::half) variants = {"fp16", "", "bf16"};
  std::vector<std::string> names;
  for (const std::string_view variant : variants) {
    const std::string dotted = variant.empty() ? "" : "." + std::string(variant);
    for (const std::string_view name : kBaseNames) {
      const std::string base(name);
      names.push_back(base + dotted + ".safetensors");
      names.push_back(base + ".safetensors.index" + dotted + ".json");
      if (!variant.empty()) names.push_back(base + dotted + ".safetensors.index.json");
    }
  }
  return names;
}

FileChoice choose_files(const std::string& id, const std::vector<RemoteFile>& listing,
                        Precision precision) {
  return Chooser(id, listing, precision).choose();
}

FileChoice choose_file(const std::string& id, const std::vector<RemoteFile>& listing,
                       const std::string& path) {
  std::vector<std::string> near;
  for (const RemoteFile& file : listing) {
    if (file.path == path) return {.files = {file}};
    if (file.path.ends_with(".safetensors")) near.push_back(json::printable(file.path, 100));
  }
  base::fail(ErrorCode::not_found, id, ": has no file ", json::quote(path), "; ",
             near.empty() ? "it has no .safetensors at all"
                          : "it has " + base::joined(near).substr(0, 1000));
}

std::vector<RemoteFile> shards_of(const RemoteFile& index, const json::Json& content,
                                  const std::vector<RemoteFile>& listing) {
  const json::Json map = content.at("weight_map");
  if (!map.is(json::Json::Kind::object)) map.refuse("an object {tensor: file}");
  std::set<std::string> names;
  for (std::size_t i = 0; i < map.size(); ++i) names.insert(map.member(i).second.string());
  const std::string folder = index.path.substr(0, index.path.rfind('/') + 1);
  std::vector<RemoteFile> shards;
  for (const std::string& name : names) {
    check_path(name, map.where());
    const auto found = std::ranges::find(listing, folder + name, &RemoteFile::path);
    base::require(found != listing.end() && name.ends_with(".safetensors"), ErrorCode::corrupt_file,
                  map.where(), ": names ", json::quote(name),
                  ", which is no .safetensors file of the repository");
    shards.push_back(*found);
  }
  return shards;
}

}  // namespace streamdiffusion::hub

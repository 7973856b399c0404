// Which files of a repository are needed: each component's configuration, and its weights once.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "hub/listing.h"

namespace streamdiffusion::hub {

enum class Precision {
  /// 16-bit weights where there are any: half to download, and computing rounds anyway.
  half,
  /// Those without a variant in their name, mostly f32.
  full,
};

struct FileChoice {
  /// Of `files` of the listing, in its order. An index's shards are not among them; they are known
  /// once the index is read (shards_of).
  std::vector<RemoteFile> files;
  /// Those of `files` that are an index of shards.
  std::vector<RemoteFile> indexes;
};

/// What a pipeline (model_index.json), a single component (config.json at the root: an autoencoder,
/// a ControlNet) or a repository of one safetensors file needs. Throws not_found, naming `id`,
/// where there are only pickled weights, none at all, or several files to choose from, and
/// unsupported for a pipeline without a UNet.
FileChoice choose_files(const std::string& id, const std::vector<RemoteFile>& listing,
                        Precision precision);

/// The one file `path`. Throws not_found, naming those of its kind.
FileChoice choose_file(const std::string& id, const std::vector<RemoteFile>& listing,
                       const std::string& path);

/// The shards that an index names, beside it. Throws corrupt_file for one that is no plain name, or
/// not in the listing.
std::vector<RemoteFile> shards_of(const RemoteFile& index, const json::Json& content,
                                  const std::vector<RemoteFile>& listing);

/// The names that a component's weights may have, in order of preference: "model.fp16.safetensors",
/// "model.safetensors.index.json", …
std::vector<std::string> weight_names(Precision precision);

/// The components of a pipeline that are used, and which kind they are.
enum class ComponentKind { weights, tokenizer, scheduler };
struct ComponentName {
  std::string_view name;
  ComponentKind kind;
};
const std::vector<ComponentName>& pipeline_components();

}  // namespace streamdiffusion::hub

// The keys of an LDM file as a tree to look around in: shapes by name, and what is numbered.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "weights/safetensors.h"

namespace streamdiffusion::weights {

class LdmKeys {
 public:
  /// The keys that begin with `prefix`, without it.
  LdmKeys(const SafetensorsFile& file, std::string_view prefix);

  bool empty() const { return tensors_.empty(); }
  bool has(std::string_view name) const { return tensors_.contains(name); }
  /// Whether any key begins so.
  bool any(std::string_view beginning) const;
  /// A dimension of a tensor. Throws corrupt_file if there is no such tensor or dimension, or if it
  /// is not 1..2^24.
  std::int64_t dim(std::string_view name, std::size_t index) const;
  std::size_t rank(std::string_view name) const;
  /// N of the keys that begin with "BEGINNING<N>." (or are that), counted from 0 without a gap.
  int count(std::string_view beginning) const;
  /// All N that exist, sorted; at most 1000 each.
  std::vector<int> numbers(std::string_view beginning) const;
  /// The tensor; nullptr if there is none.
  const StoredTensor* find(std::string_view name) const;
  const std::string& file() const { return file_; }

 private:
  std::string file_, prefix_;
  std::map<std::string, const StoredTensor*, std::less<>> tensors_;
};

/// config.json of a UNet, told from its LDM keys. `out_as_two_layers` as in LdmUNetNames. Throws
/// corrupt_file or unsupported.
std::string unet_config_of(const LdmKeys& keys, bool& out_as_two_layers);
/// The diffusers names of all its modules' tensors, as far as blocks are concerned: what
/// LdmUNetNames needs.
std::vector<std::string> unet_block_names(const LdmKeys& keys);
/// Begins the names of the convolutions that embed a ControlNet's image.
inline constexpr const char* kHintBlock = "input_hint_block.";
/// config.json of a ControlNet.
std::string controlnet_config_of(const LdmKeys& keys);
/// config.json of an AutoencoderKL.
std::string autoencoder_config_of(const LdmKeys& keys, double scaling_factor);
/// config.json of a CLIP text encoder, in OpenCLIP's names or in those of transformers without
/// "text_model.". At most `most_layers` of its layers are used.
std::string text_config_of(const LdmKeys& keys, bool open_clip, int most_layers);

}  // namespace streamdiffusion::weights

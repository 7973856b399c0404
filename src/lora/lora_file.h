// One LoRA file, every tensor of it resolved to a weight of the model. Files stay open. Factors are
// read when a weight is fused, which may be long after.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lora/delta.h"
#include "lora/module_map.h"
#include "weights/safetensors.h"

namespace streamdiffusion::lora {

class LoraFile {
 public:
  /// Reads every name, shape and value. Nothing in the file is left out: a tensor that no module of
  /// the model takes is an error that lists all of them. Throws not_found, io, corrupt_file or
  /// unsupported. `file` may be a folder that holds pytorch_lora_weights.safetensors or
  /// adapter_model.safetensors.
  LoraFile(const std::filesystem::path& file, const ModuleMap& modules);

  const std::filesystem::path& path() const { return file_.path(); }
  /// Whether it changes this tensor of the network: "mid_block.attentions.0.proj_in.weight".
  bool changes(Network network, std::string_view tensor) const;
  /// Whether it changes any.
  bool changes(Network network) const;
  /// Adds scale * its change to the tensor's values.
  void add(Network network, std::string_view tensor, float scale, std::span<float> values) const;
  /// "192 modules of unet, 72 of text_encoder, rank 16", for people.
  std::string summary() const;

 private:
  struct Change {
    std::map<Part, const weights::StoredTensor*> parts;
    Form form = Form::lora;
    /// alpha / rank.
    float scale = 1;
    std::int64_t rank = 0;
    std::vector<std::int64_t> dims;
  };
  /// All that the file says of one module.
  struct Group {
    std::map<Part, const weights::StoredTensor*> parts;
    bool peft = false, ldm = false;
  };
  using Groups = std::map<const Module*, Group>;
  using Key = std::pair<Network, std::string>;

  Groups group(const ModuleMap& modules) const;
  [[noreturn]] void fail_unknown(const std::vector<std::string>& unknown,
                                 const ModuleMap& modules) const;
  void add_module(const Module& module, const Group& group, const class PeftMetadata& peft);
  void add_bias(const Module& module, const weights::StoredTensor& bias);
  Factors read(const Change& change) const;
  /// alpha's value, or nothing.
  std::optional<double> alpha(const Group& group) const;
  /// What the file says that it was trained for, or its shapes, as the end of a message.
  std::string find_trained_for() const;
  /// The same by the width of the text embedding that it changes the reading of.
  std::string family_by_shape() const;

  weights::SafetensorsFile file_;
  std::map<std::string, std::string> metadata_;
  std::map<Key, Change> changes_;
  std::string trained_for_;
};

}  // namespace streamdiffusion::lora

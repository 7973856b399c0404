// What a model is made of, before any of it is checked against the rest: the components of its
// folder or file, and those that the options put in their place.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "streamdiffusion/options.h"
#include "tokenizer/tokenizer.h"
#include "weights/ldm_components.h"
#include "weights/model_folder.h"

namespace streamdiffusion::session {

struct ModelParts {
  std::string name;
  weights::FileComponent unet, autoencoder;
  /// One, or SDXL's two, each with its tokenizer.
  std::vector<weights::FileComponent> text_encoders;
  std::vector<std::shared_ptr<const tokenizer::Tokenizer>> tokenizers;
  json::Json scheduler;
  /// As model_index.json names it; empty for a file.
  std::string scheduler_class;
  /// Zeros stand for an absent negative prompt, in SDXL's family.
  bool zeros_without_negative = true;
  /// What the folder says of its settings; empty for a file.
  std::optional<weights::ModelDefaults> defaults;
  /// For a person.
  std::vector<std::string> notes;
};

/// Whether the weights of a folder's own components are opened. Without them all else can be read
/// and checked, as it must be before gigabytes are downloaded.
enum class OwnWeights { opened, left_out };

/// Throws not_found, io, corrupt_file or unsupported.
ModelParts parts_of_folder(const EngineOptions& options,
                           OwnWeights own_weights = OwnWeights::opened);
ModelParts parts_of_file(const EngineOptions& options);

}  // namespace streamdiffusion::session

// A complete model folder of a few thousand parameters, made in a temporary place: everything an
// engine opens, in milliseconds.
#pragma once

#include <string>

#include "models/clip_text.h"
#include "support/temporary_folder.h"

namespace streamdiffusion::testing {

/// The family that a tiny model is of.
enum class TinyFamily {
  /// Stable Diffusion.
  sd,
  /// SDXL: two text encoders, pooled embedding, size conditioning.
  sdxl,
  /// SDXL with all of its transformers, of which layers of IP-Adapters are chosen.
  whole_sdxl,
  /// A latent consistency model that takes the guidance scale as an input.
  lcm,
};

class TinyModel {
 public:
  /// The autoencoder's weights are multiplied by `autoencoder_gain`; a huge one overflows.
  explicit TinyModel(float autoencoder_gain = 1.0F) : TinyModel(TinyFamily::sd, autoencoder_gain) {}
  explicit TinyModel(TinyFamily family, float autoencoder_gain = 1.0F);

  std::string path() const { return folder_.path().string(); }
  /// Replaces a file of the folder by this text.
  void write(const std::string& name, const std::string& text) const { folder_.write(name, text); }

 private:
  void write_text_encoder(const std::string& suffix, const char* config,
                          models::ClipTextOutput output) const;

  TemporaryFolder folder_;
};

}  // namespace streamdiffusion::testing

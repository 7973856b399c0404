// The image prompts of a session: their tokens, and how strongly they act in each of the UNet's
// cross-attentions.
#pragma once

#include <stop_token>
#include <vector>

#include "session/image_encoder.h"

namespace streamdiffusion::session {

/// How many images each IP-Adapter has, of options that have every default filled in.
std::vector<int> image_counts(const SessionOptions& options);
/// How many each may be told: one that follows the input is told one some time.
std::vector<int> expected_image_counts(const SessionOptions& options);
/// Whether no encoder has to run for these images.
bool are_known(ImageEncoder& encoder, const SessionOptions& options);
/// Throws invalid_argument naming the adapter and the setting, and unsupported for layers that are
/// not known for this UNet.
void check_image_prompts(const Model& model, const SessionOptions& options);

class ImagePrompts {
 public:
  /// `prompts` of a UNet call: 2 with a negative one. `model` must outlive this.
  ImagePrompts(const Model& model, int prompts) : model_(&model), prompts_(prompts) {}

  /// Takes what the options say, and encodes their images. Throws as ImageEncoder, with nothing
  /// changed.
  void set(ImageEncoder& encoder, const SessionOptions& options, const std::stop_token& stop);
  /// Writes the UNet's inputs.
  void write_tokens(const backend::State& unet) const;
  void write_scales(const backend::State& unet) const;

 private:
  /// An adapter that has images.
  struct Adapter {
    int number = 0;
    /// Held so that the encoder goes on knowing them.
    std::vector<ImageTokens> images;
    /// Of all images behind one another, for each prompt.
    std::vector<float> tokens;
    /// One a cross-attention.
    std::vector<float> scales;
  };

  const Model* model_;
  int prompts_;
  std::vector<Adapter> adapters_;
};

}  // namespace streamdiffusion::session

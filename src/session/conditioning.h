// What the UNet is told beside the latents and timesteps: the prompts, and for some models the
// image's size or the guidance scale.
#pragma once

#include <array>
#include <vector>

#include "session/prompts.h"

namespace streamdiffusion::session {

class Conditioning {
 public:
  /// `options` has every default filled in. `prompt_of_row` says for each row of the UNet: 0 for
  /// the prompt, 1 for the negative one.
  Conditioning(const Model& model, const SessionOptions& options, std::vector<int> prompt_of_row);

  void set_prompt(PromptEmbedding prompt) { prompt_ = std::move(prompt); }
  void set_negative(Embedding negative) { negative_ = std::move(negative); }
  /// Writes the inputs of the UNet that do not depend on the timesteps.
  void write_prompts(const backend::State& unet) const;
  /// Writes the guidance scale, where it is an input.
  void write_guidance(const backend::State& unet, float scale) const;

 private:
  bool pooled_, guidance_;
  std::vector<int> prompt_of_row_;
  /// Original height and width, crop top and left, target height and width.
  std::array<float, models::kSizeNumbers> size_{};
  PromptEmbedding prompt_;
  Embedding negative_;
};

}  // namespace streamdiffusion::session

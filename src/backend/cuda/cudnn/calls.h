// Calls of cuDNN on a card, with plans that are made once.
#pragma once

#include "backend/cuda/cudnn/plan.h"
#include "backend/cuda/libraries.h"
#include "backend/cuda/plan_cache.h"

namespace streamdiffusion::backend::cuda {

/// cuDNN on one stream.
class Cudnn {
 public:
  /// Throws what cudnn_library() does, and internal if cuDNN does not accept the card.
  /// `card` names the card and its driver, for the keys of compiled plans in the cache.
  explicit Cudnn(Stream stream, std::string card = "", PlanCache cache = PlanCache(""));
  ~Cudnn();
  Cudnn(const Cudnn&) = delete;
  Cudnn& operator=(const Cudnn&) = delete;

  /// cuDNN's own description of the card, as the files of tests/data/gpus.
  std::string card_properties() const;
  /// Null if cuDNN does not take the shape.
  std::unique_ptr<AttentionCall> attention(const AttentionShape& shape);

  /// The first `most` that the heuristics propose.
  std::vector<std::unique_ptr<LayerCall>> convolutions(const ConvolutionShape& shape,
                                                       std::size_t most);
  /// The call of a text, or null if cuDNN refuses it.
  std::unique_ptr<LayerCall> convolution(const std::string& text);
  /// None if cuDNN does not take the shape.
  std::vector<std::unique_ptr<AttentionCall>> attentions(const AttentionShape& shape,
                                                         std::size_t most);

 private:
  Plan attention_plan(const AttentionShape& shape);

  const std::string card_;
  const PlanCache cache_;
  cudnnHandle_t handle_ = nullptr;
};

}  // namespace streamdiffusion::backend::cuda

// Prompts to embeddings. The text encoder runs once for each new text; the last few are kept.
#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "session/plans.h"

namespace streamdiffusion::session {

/// [tokens, width]
using Embedding = std::shared_ptr<const std::vector<float>>;

class Prompts {
 public:
  Prompts(const Model& model, Plans& plans) : model_(model), plans_(plans) {}
  /// Thread-safe. A text that is known already never waits for another that is being encoded.
  Embedding encode(const std::string& prompt);

 private:
  Embedding find(const std::string& prompt);
  Embedding run(const std::string& prompt);

  const Model& model_;
  Plans& plans_;
  /// Taken before mutex_; guards the encoder.
  std::mutex run_mutex_;
  SharedExecutable executable_;
  std::unique_ptr<backend::State> state_;
  std::mutex mutex_;
  /// Newest first.
  std::list<std::pair<std::string, Embedding>> recent_;
};

}  // namespace streamdiffusion::session

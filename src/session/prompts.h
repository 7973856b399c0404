// Prompts to embeddings. The text encoder runs once for each new text. The last few results are
// kept.
#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "session/executable_cache.h"

namespace streamdiffusion::session {

/// [tokens, width]
using Embedding = std::shared_ptr<const std::vector<float>>;

class Prompts {
 public:
  Prompts(const Model& model, ExecutableCache& executables)
      : model_(model), executables_(executables) {}
  /// Thread-safe. A known text never waits for another one that is being encoded.
  Embedding encode(const std::string& prompt, const std::vector<float>& lora_scales);

 private:
  struct Known {
    std::string prompt;
    /// Those that change the text encoder.
    std::vector<float> lora_scales;
    Embedding embedding;
  };
  Embedding find(const std::string& prompt, const std::vector<float>& scales);
  Embedding run(const std::string& prompt, const std::vector<float>& scales);

  const Model& model_;
  ExecutableCache& executables_;
  /// Guards the encoder. Locked before mutex_.
  std::mutex run_mutex_;
  SharedExecutable executable_;
  std::vector<float> executable_scales_;
  std::unique_ptr<backend::State> state_;
  std::mutex mutex_;
  /// Newest first.
  std::list<Known> recent_;
};

}  // namespace streamdiffusion::session

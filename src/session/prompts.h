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
  Embedding encode(const std::string& prompt);

 private:
  Embedding find(const std::string& prompt);
  Embedding run(const std::string& prompt);

  const Model& model_;
  ExecutableCache& executables_;
  /// Guards the encoder. Locked before mutex_.
  std::mutex run_mutex_;
  SharedExecutable executable_;
  std::unique_ptr<backend::State> state_;
  std::mutex mutex_;
  /// Newest first.
  std::list<std::pair<std::string, Embedding>> recent_;
};

}  // namespace streamdiffusion::session

// Prompts to embeddings. The text encoders run once for each new text. The last few results are
// kept, and those that someone holds; and so are the encoders, unless they are to be released.
#pragma once

#include <atomic>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "session/executable_cache.h"
#include "streamdiffusion/session.h"

namespace streamdiffusion::session {

/// What the UNet is told of a prompt.
struct PromptEmbedding {
  /// [tokens, context width]
  std::vector<float> context;
  /// [pooled width]; empty for a model without.
  std::vector<float> pooled;
};
using Embedding = std::shared_ptr<const PromptEmbedding>;

class Prompts {
 public:
  /// With `releases`, release() frees the encoders.
  Prompts(const Model& model, ExecutableCache& executables, bool releases)
      : model_(model), executables_(executables), releases_(releases) {}
  /// Thread-safe. A known text never waits for another one that is being encoded. A text stays
  /// known for as long as the result is held.
  /// `lora_scales` has one entry a LoRA.
  Embedding encode(const std::string& prompt, const std::vector<float>& lora_scales);
  /// What stands for a negative prompt that was not given.
  Embedding no_negative(const std::vector<float>& lora_scales);
  /// Logs once that a prompt is empty, which is legal and seldom meant; not of the model's own.
  void say_if_empty(const std::string& prompt);
  /// To be called where no prompt is expected soon, before much other memory is taken.
  void release();

 private:
  /// For each text encoder: the scales of the LoRAs that change it.
  using Scales = std::vector<std::vector<float>>;
  struct Known {
    std::string prompt;
    Scales lora_scales;
    std::weak_ptr<const PromptEmbedding> embedding;
    /// Set for the newest.
    Embedding kept;
  };
  struct Encoder {
    SharedExecutable executable;
    std::unique_ptr<backend::State> state;
    std::vector<float> lora_scales;
  };

  Scales effective(const std::vector<float>& lora_scales) const;
  Embedding find(const std::string& prompt, const Scales& scales);
  /// With mutex_ locked. Lets go of what is not among the newest, and forgets what nobody holds.
  void keep_newest();
  Embedding run(const std::string& prompt, const Scales& scales);
  void run(std::size_t encoder, const std::string& prompt, PromptEmbedding& out, int channel);
  /// Reads the text encoders that are released or have other scales.
  void open_encoders(const Scales& scales);

  const Model& model_;
  ExecutableCache& executables_;
  const bool releases_;
  std::atomic<bool> said_empty_ = false;
  /// Guards the encoders. Locked before mutex_.
  std::mutex run_mutex_;
  std::vector<Encoder> encoders_;
  std::mutex mutex_;
  /// Newest first.
  std::list<Known> known_;
};

struct BlendedPrompts {
  PromptEmbedding blend;
  /// Of the single prompts. They stay known while these are held.
  std::vector<Embedding> parts;
};

/// The weighted blend of prompts: contexts and pooled embeddings are blended each for themselves,
/// with the same weights.
BlendedPrompts blend(Prompts& encoder, const std::vector<WeightedPrompt>& prompts,
                     Interpolation how, const std::vector<float>& lora_scales);

}  // namespace streamdiffusion::session

#include "session/prompts.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/log.h"
#include "session/emphasis.h"

namespace streamdiffusion::session {
namespace {

constexpr std::size_t kKept = 64;

}  // namespace

Embedding Prompts::encode(const std::string& prompt, const std::vector<float>& lora_scales) {
  const std::vector<float> scales = model_.effective_lora_scales(Component::text, lora_scales);
  if (Embedding known = find(prompt, scales)) return known;
  const std::lock_guard running(run_mutex_);
  if (Embedding known = find(prompt, scales)) return known;  // another thread was here first
  Embedding embedding = run(prompt, scales);
  const std::lock_guard lock(mutex_);
  recent_.push_front({prompt, scales, embedding});
  if (recent_.size() > kKept) recent_.pop_back();
  return embedding;
}

Embedding Prompts::find(const std::string& prompt, const std::vector<float>& scales) {
  const std::lock_guard lock(mutex_);
  const auto found = std::find_if(recent_.begin(), recent_.end(), [&](const Known& known) {
    return known.prompt == prompt && known.lora_scales == scales;
  });
  if (found == recent_.end()) return nullptr;
  recent_.splice(recent_.begin(), recent_, found);
  return found->embedding;
}

Embedding Prompts::run(const std::string& prompt, const std::vector<float>& scales) {
  const tokenizer::Tokens tokens = model_.tokenize(prompt);
  for (const std::string& warning : tokens.warnings) base::warn(warning);
  if (!state_ || executable_scales_ != scales) {
    executable_ = executables_.text(scales);
    executable_scales_ = scales;
    state_ = executable_->make_state();
  }
  std::copy(tokens.ids.begin(), tokens.ids.end(), state_->input("ids").as<std::int32_t>());
  executable_->run(graph::Lifetime::per_prompt, *state_);
  const tensor::View out = state_->output("embeddings");
  const auto* values = out.as<float>();
  auto embedding = std::make_shared<std::vector<float>>(values, values + out.desc.shape.elements());
  if (!tokens.weights.empty()) emphasize(*embedding, tokens.weights);
  base::require(
      std::all_of(embedding->begin(), embedding->end(), [](float v) { return std::isfinite(v); }),
      base::ErrorCode::numeric, "the text encoder's answer to \"", prompt.substr(0, 80),
      "\" is not finite");
  return embedding;
}

}  // namespace streamdiffusion::session

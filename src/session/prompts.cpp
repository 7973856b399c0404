#include "session/prompts.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"
#include "params/empty_note.h"
#include "session/emphasis.h"
#include "stream/blend.h"

namespace streamdiffusion::session {
namespace {

constexpr std::size_t kKeptPrompts = 64;

}  // namespace

Embedding Prompts::encode(const std::string& prompt, const std::vector<float>& lora_scales) {
  const Scales scales = effective(lora_scales);
  if (Embedding known = find(prompt, scales)) return known;
  const std::lock_guard running(run_mutex_);
  if (Embedding known = find(prompt, scales)) return known;  // another thread was here first
  Embedding embedding = run(prompt, scales);
  const std::lock_guard lock(mutex_);
  known_.push_front({prompt, scales, embedding, embedding});
  keep_newest();
  return embedding;
}

Embedding Prompts::find(const std::string& prompt, const Scales& scales) {
  const std::lock_guard lock(mutex_);
  const auto found = std::find_if(known_.begin(), known_.end(), [&](const Known& known) {
    return known.prompt == prompt && known.lora_scales == scales;
  });
  if (found == known_.end()) return nullptr;
  Embedding embedding = found->embedding.lock();
  if (!embedding) {
    known_.erase(found);
    return nullptr;
  }
  found->kept = embedding;
  known_.splice(known_.begin(), known_, found);
  keep_newest();
  return embedding;
}

void Prompts::keep_newest() {
  if (known_.size() <= kKeptPrompts) return;
  for (auto old = std::next(known_.begin(), kKeptPrompts); old != known_.end();) {
    old->kept.reset();
    old = old->embedding.expired() ? known_.erase(old) : std::next(old);
  }
}

Prompts::Scales Prompts::effective(const std::vector<float>& lora_scales) const {
  Scales scales;
  for (const TextEncoder& encoder : model_.text_encoders())
    scales.push_back(model_.effective_lora_scales(encoder.component, lora_scales));
  return scales;
}

Embedding Prompts::no_negative(const std::vector<float>& lora_scales) {
  if (!model_.zeros_without_negative()) return encode("", lora_scales);
  const auto channels =
      static_cast<std::size_t>(model_.tokens()) * static_cast<std::size_t>(model_.context_width());
  return std::make_shared<PromptEmbedding>(
      PromptEmbedding{std::vector<float>(channels),
                      std::vector<float>(static_cast<std::size_t>(model_.pooled_width()))});
}

void Prompts::say_if_empty(const std::string& prompt) {
  if (prompt == model_.sample_prompt()) return;
  const std::string note = params::empty_note(prompt);
  if (!note.empty() && !said_empty_.exchange(true)) base::warn(note);
}

void Prompts::release() {
  if (!releases_) return;
  const std::unique_lock idle(run_mutex_, std::try_to_lock);
  if (!idle || encoders_.empty()) return;  // another prompt is being encoded
  encoders_.clear();
  base::trim_memory();
}

void Prompts::run(std::size_t number, const std::string& prompt, PromptEmbedding& out,
                  int first_channel) {
  const tokenizer::Tokens tokens = model_.tokenize(prompt, number);
  if (number == 0) {  // the others would say the same
    for (const std::string& warning : tokens.warnings) base::warn(warning);
  }
  Encoder& encoder = encoders_[number];
  std::copy(tokens.ids.begin(), tokens.ids.end(), encoder.state->input("ids").as<std::int32_t>());
  encoder.executable->run(graph::Lifetime::per_prompt, *encoder.state);
  const tensor::View view = encoder.state->output("embeddings");
  std::vector<float> embedding(view.as<float>(), view.as<float>() + view.desc.shape.elements());
  if (!tokens.weights.empty()) emphasize(embedding, tokens.weights);
  const auto width = static_cast<std::size_t>(view.desc.shape.c);
  const auto whole = static_cast<std::size_t>(model_.context_width());
  for (std::size_t token = 0; token * width < embedding.size(); ++token) {
    std::copy_n(embedding.data() + token * width, width,
                out.context.data() + token * whole + first_channel);
  }
  if (model_.text_encoders()[number].output != models::ClipTextOutput::penultimate_and_projected) {
    return;
  }
  const tensor::View projected = encoder.state->output("projected");
  const auto channels = static_cast<std::size_t>(projected.desc.shape.c);
  const float* pooled = projected.as<float>() + model_.end_of_text(tokens, number) * channels;
  out.pooled.assign(pooled, pooled + channels);
}

void Prompts::open_encoders(const Scales& scales) {
  encoders_.resize(scales.size());
  for (std::size_t i = 0; i < scales.size(); ++i) {
    Encoder& encoder = encoders_[i];
    if (encoder.state && encoder.lora_scales == scales[i]) continue;
    SharedExecutable executable = executables_.text(i, scales[i]);
    auto state = executable->make_state();
    encoder.state.reset();  // before its executable
    encoder = {std::move(executable), std::move(state), scales[i]};
  }
}

Embedding Prompts::run(const std::string& prompt, const Scales& scales) {
  open_encoders(scales);
  auto embedding = std::make_shared<PromptEmbedding>();
  embedding->context.resize(static_cast<std::size_t>(model_.tokens()) *
                            static_cast<std::size_t>(model_.context_width()));
  int channel = 0;
  for (std::size_t i = 0; i < encoders_.size(); ++i) {
    run(i, prompt, *embedding, channel);
    channel += static_cast<int>(model_.text_encoders()[i].config.layer.width);
  }
  const auto finite = [](const std::vector<float>& values) {
    return std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); });
  };
  base::require(finite(embedding->context) && finite(embedding->pooled), base::ErrorCode::numeric,
                "the text encoder's answer to \"", prompt.substr(0, 80), "\" is not finite");
  return embedding;
}

BlendedPrompts blend(Prompts& encoder, const std::vector<WeightedPrompt>& prompts,
                     Interpolation how, const std::vector<float>& lora_scales) {
  std::vector<Embedding> parts;
  std::vector<stream::WeightedValues> contexts, pooled;
  for (const WeightedPrompt& prompt : prompts) {
    encoder.say_if_empty(prompt.text);
    parts.push_back(encoder.encode(prompt.text, lora_scales));
    contexts.push_back({parts.back()->context, prompt.weight});
    pooled.push_back({parts.back()->pooled, prompt.weight});
  }
  return {{stream::blend(contexts, how), stream::blend(pooled, how)}, std::move(parts)};
}

}  // namespace streamdiffusion::session

#include "session/conditioning.h"

#include <algorithm>

namespace streamdiffusion::session {
namespace {

std::array<float, models::kSizeNumbers> size_numbers(const SessionOptions& o) {
  const auto number = [](const std::optional<int>& own, int otherwise) {
    return static_cast<float>(own.value_or(otherwise));
  };
  return {number(o.original_height, *o.height),
          number(o.original_width, *o.width),
          number(o.crop_top, 0),
          number(o.crop_left, 0),
          number(o.target_height, *o.height),
          number(o.target_width, *o.width)};
}

}  // namespace

Conditioning::Conditioning(const Model& model, const SessionOptions& options,
                           std::vector<int> prompt_of_row)
    : pooled_(model.pooled_width() > 0),
      guidance_(model.guidance_embedding()),
      prompt_of_row_(std::move(prompt_of_row)),
      size_(size_numbers(options)) {}

void Conditioning::write_prompts(const backend::State& unet) const {
  const tensor::View context = unet.input("context");
  auto* out = std::ranges::copy(prompt_.context, context.as<float>()).out;
  if (context.desc.shape.n > 1) std::ranges::copy(negative_->context, out);
  if (!pooled_) return;
  auto* pooled = unet.input("pooled").as<float>();
  auto* size = unet.input("size").as<float>();
  for (const int prompt : prompt_of_row_) {
    pooled = std::ranges::copy(prompt == 0 ? prompt_.pooled : negative_->pooled, pooled).out;
    size = std::ranges::copy(size_, size).out;
  }
}

void Conditioning::write_guidance(const backend::State& unet, float scale) const {
  if (!guidance_) return;
  std::fill_n(unet.input("guidance").as<float>(), prompt_of_row_.size(), scale - 1);
}

}  // namespace streamdiffusion::session

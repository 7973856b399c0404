#include "session/image_prompts.h"

#include <algorithm>

#include "base/error.h"
#include "base/file_url.h"
#include "image/image_file.h"
#include "params/limits.h"
#include "session/program.h"

namespace streamdiffusion::session {
namespace {

using base::ErrorCode;

void check_image(const std::shared_ptr<const Image>& image, const std::string& name) {
  base::require(image != nullptr, ErrorCode::invalid_argument, name, " is null");
  const int longer = std::max(image->width, image->height),
            shorter = std::min(image->width, image->height);
  base::require(shorter > 0 && longer / params::kMaxStyleRatio <= shorter,
                ErrorCode::invalid_argument, name, " is ", image->width, "x", image->height,
                ", expected sides at most ", params::kMaxStyleRatio, " to 1");
  const std::size_t bytes =
      3 * static_cast<std::size_t>(image->width) * static_cast<std::size_t>(image->height);
  base::require(image->rgb.size() == bytes, ErrorCode::invalid_argument, name, " has ",
                image->rgb.size(), " bytes, expected ", bytes, " for ", image->width, "x",
                image->height);
}

void append(std::vector<float>& tokens, const ImageTokens& image) {
  tokens.insert(tokens.end(), image->begin(), image->end());
}

}  // namespace

std::vector<int> image_counts(const SessionOptions& options) {
  std::vector<int> counts;
  for (const ImagePrompt& prompt : options.image_prompts) {
    counts.push_back(prompt.enabled ? static_cast<int>(prompt.images.size()) : 0);
  }
  return counts;
}

std::vector<int> expected_image_counts(const SessionOptions& options) {
  std::vector<int> counts = image_counts(options);
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const ImagePrompt& prompt = options.image_prompts[i];
    if (prompt.enabled && prompt.follow_input) counts[i] = std::max(counts[i], 1);
  }
  return counts;
}

bool are_known(ImageEncoder& encoder, const SessionOptions& options) {
  for (std::size_t i = 0; i < options.image_prompts.size(); ++i) {
    const ImagePrompt& prompt = options.image_prompts[i];
    if (prompt.enabled && !encoder.knows(static_cast<int>(i), prompt.images)) return false;
  }
  return true;
}

void check_image_prompts(const Model& model, const SessionOptions& o) {
  base::require(o.image_prompts.size() == model.ip_adapters().size(), ErrorCode::invalid_argument,
                "image_prompts has ", o.image_prompts.size(), " entries, expected one for each of ",
                "the ", model.ip_adapters().size(), " IP-Adapters");
  for (std::size_t i = 0; i < o.image_prompts.size(); ++i) {
    const ImagePrompt& prompt = o.image_prompts[i];
    const std::string name = base::concat("image_prompts[", i, "]");
    base::require(prompt.scale >= 0 && prompt.scale <= params::kMaxScale,
                  ErrorCode::invalid_argument, name, ": scale is ", prompt.scale,
                  ", expected 0 to ", params::kMaxScale);
    base::require(prompt.images.size() <= params::kMaxImagePromptImages,
                  ErrorCode::invalid_argument, name, " has ", prompt.images.size(),
                  " images, expected at most ", params::kMaxImagePromptImages);
    base::require(prompt.files.empty(), ErrorCode::invalid_argument, name,
                  " has files; read_image_files() makes images of them");
    for (std::size_t k = 0; k < prompt.images.size(); ++k) {
      check_image(prompt.images[k], base::concat(name, ": image ", k));
    }
    model.image_layer_shares(prompt.layers);
  }
}

void ImagePrompts::set(ImageEncoder& encoder, const SessionOptions& options,
                       const std::stop_token& stop) {
  std::vector<Adapter> adapters;
  for (std::size_t i = 0; i < options.image_prompts.size(); ++i) {
    const ImagePrompt& prompt = options.image_prompts[i];
    if (!prompt.enabled || prompt.images.empty()) continue;
    Adapter adapter{.number = static_cast<int>(i),
                    .images = {},
                    .tokens = {},
                    .scales = model_->image_layer_shares(prompt.layers)};
    for (float& scale : adapter.scales) scale *= prompt.scale;
    const bool negative = prompts_ > 1;
    adapter.images = encoder.encode(adapter.number, prompt.images, negative, stop);
    const std::vector<ImageTokens>& images = adapter.images;
    for (std::size_t k = 0; k < prompt.images.size(); ++k) append(adapter.tokens, images[k]);
    for (std::size_t k = 0; negative && k < prompt.images.size(); ++k) {
      append(adapter.tokens, images.back());
    }
    adapters.push_back(std::move(adapter));
  }
  adapters_ = std::move(adapters);
}

void ImagePrompts::write_tokens(const backend::State& unet) const {
  for (const Adapter& adapter : adapters_) {
    std::ranges::copy(adapter.tokens,
                      unet.input(numbered("image_tokens", adapter.number)).as<float>());
  }
}

void ImagePrompts::write_scales(const backend::State& unet) const {
  for (const Adapter& adapter : adapters_) {
    const tensor::View scales = unet.input(numbered("image_scales", adapter.number));
    auto* out = scales.as<float>();
    for (std::int64_t row = 0; row < scales.desc.shape.n; ++row) {
      out = std::ranges::copy(adapter.scales, out).out;
    }
  }
}

}  // namespace streamdiffusion::session

namespace streamdiffusion {

void read_image_files(ImagePrompt& prompt) {
  std::vector<std::shared_ptr<const Image>> images = prompt.images;
  for (const std::string& file : prompt.files) {
    images.push_back(std::make_shared<const Image>(image::read_image(base::path_of(file))));
  }
  prompt.images = std::move(images);
  prompt.files.clear();
}

}  // namespace streamdiffusion

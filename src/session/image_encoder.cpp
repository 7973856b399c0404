#include "session/image_encoder.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"
#include "image/resize.h"
#include "session/compile_pause.h"
#include "session/program.h"

namespace streamdiffusion::session {
namespace {

constexpr std::size_t kKeptImages = 64;

}  // namespace

/// An adapter's programs while images are encoded.
class ImageEncoder::Run {
 public:
  Run(const Model& model, ExecutableCache& executables, int adapter, const std::stop_token& stop)
      : model_(model),
        adapter_(adapter),
        executables_(executables),
        stop_(stop),
        projection_(executables.image_projection(adapter, stop)) {
    if (needs_latents()) model.read_resampler_latents(adapter, projection_.input("latents"));
  }

  ImageTokens operator()(const Pixels& pixels) {
    const std::span<float> image = projection_.input("image");
    if (pixels.empty() && of_zeros()) {
      std::ranges::fill(image, 0.0F);
    } else {
      std::ranges::copy(features(pixels).first(image.size()), image.begin());
    }
    run(projection_);
    const std::span<const float> tokens = projection_.output("tokens");
    base::require(std::ranges::all_of(tokens, [](float v) { return std::isfinite(v); }),
                  base::ErrorCode::numeric, model_.ip_adapters()[index()].file,
                  ": the image encoder's answer is not finite");
    return std::make_shared<const std::vector<float>>(tokens.begin(), tokens.end());
  }

 private:
  using Projection = models::IpAdapterConfig::Projection;

  std::size_t index() const { return static_cast<std::size_t>(adapter_); }
  const models::IpAdapterConfig& config() const { return model_.ip_adapter(adapter_).config; }
  bool needs_latents() const { return config().projection == Projection::plus; }
  /// No image has features of zeros; otherwise its pixels are zeros.
  bool of_zeros() const { return config().projection == Projection::plain; }

  /// Of all tokens; an image's embedding is that of the first.
  std::span<const float> features(const Pixels& pixels) {
    if (!encoder_) {
      encoder_.emplace(executables_.image_encoder(adapter_, stop_));
      std::ranges::copy(model_.image_embeddings(adapter_), encoder_->input("embeddings").begin());
    }
    models::write_patches(model_.ip_adapter(adapter_).encoder, pixels, encoder_->input("patches"));
    run(*encoder_);
    return encoder_->output("image");
  }

  void run(const Program& program) {
    CompilePause pause(stop_);
    program.executable->run(graph::Lifetime::per_prompt, *program.state, &pause);
  }

  const Model& model_;
  const int adapter_;
  ExecutableCache& executables_;
  const std::stop_token& stop_;
  Program projection_;
  std::optional<Program> encoder_;
};

/// mutex_ is locked.
ImageTokens ImageEncoder::first(int adapter, const auto& is_wanted) {
  const auto found = std::ranges::find_if(
      recent_, [&](const Known& known) { return known.adapter == adapter && is_wanted(known); });
  if (found == recent_.end()) return nullptr;
  recent_.splice(recent_.begin(), recent_, found);
  return found->tokens;
}

ImageTokens ImageEncoder::find(int adapter, const std::shared_ptr<const Image>& image) {
  const std::lock_guard lock(mutex_);
  return first(adapter, [&](const Known& known) { return image && known.image.lock() == image; });
}

ImageTokens ImageEncoder::find(int adapter, const Pixels& pixels,
                               const std::shared_ptr<const Image>& image) {
  const std::lock_guard lock(mutex_);
  ImageTokens tokens = first(adapter, [&](const Known& known) { return known.pixels == pixels; });
  if (tokens) recent_.front().image = image;
  return tokens;
}

bool ImageEncoder::knows(int adapter, std::span<const std::shared_ptr<const Image>> images) {
  return std::ranges::all_of(images,
                             [&](const auto& image) { return find(adapter, image) != nullptr; });
}

void ImageEncoder::remember(Known known) {
  const std::lock_guard lock(mutex_);
  recent_.push_front(std::move(known));
  for (auto oldest = recent_.end(); recent_.size() > kKeptImages && oldest != recent_.begin();) {
    --oldest;
    if (oldest->tokens.use_count() == 1) oldest = recent_.erase(oldest);
  }
}

std::vector<ImageTokens> ImageEncoder::encode(int adapter,
                                              std::span<const std::shared_ptr<const Image>> images,
                                              bool none, const std::stop_token& stop) {
  const int side = static_cast<int>(model_.ip_adapter(adapter).encoder.image);
  std::vector<std::shared_ptr<const Image>> wanted(images.begin(), images.end());
  if (none) wanted.emplace_back();
  std::vector<ImageTokens> tokens(wanted.size());
  std::vector<Pixels> seen(wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if ((tokens[i] = find(adapter, wanted[i]))) continue;
    if (wanted[i]) seen[i] = image::central_square(ImageView(*wanted[i]), side).rgb;
    tokens[i] = find(adapter, seen[i], wanted[i]);
  }
  if (std::ranges::find(tokens, nullptr) == tokens.end()) return tokens;
  const std::lock_guard running(run_mutex_);
  {
    Run run(model_, executables_, adapter, stop);
    for (std::size_t i = 0; i < seen.size(); ++i) {
      if (tokens[i]) continue;
      tokens[i] = find(adapter, seen[i], wanted[i]);  // another thread, or the same image
      if (tokens[i]) continue;
      base::log(base::LogLevel::debug,
                base::concat(model_.ip_adapters()[static_cast<std::size_t>(adapter)].file,
                             ": encoding image ", i + 1, " of ", seen.size()));
      tokens[i] = run(seen[i]);
      remember({adapter, std::move(seen[i]), tokens[i], wanted[i]});
    }
  }
  base::trim_memory();
  return tokens;
}

}  // namespace streamdiffusion::session

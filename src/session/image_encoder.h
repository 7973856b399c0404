// Images to the tokens of IP-Adapters. The encoder runs once for each new image, and its weights
// are dropped afterwards: some are larger than the UNet. The last few results are kept.
#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <span>
#include <stop_token>
#include <vector>

#include "session/executable_cache.h"
#include "streamdiffusion/options.h"

namespace streamdiffusion::session {

/// [tokens, context width], of one image.
using ImageTokens = std::shared_ptr<const std::vector<float>>;

class ImageEncoder {
 public:
  ImageEncoder(const Model& model, ExecutableCache& executables)
      : model_(model), executables_(executables) {}

  /// The tokens of each image, which must be checked and not change any more. With `none`, one more
  /// follows: what stands for no image, under the negative prompt. Thread-safe. Throws busy once
  /// `stop` is requested, and numeric for tokens that are not finite.
  std::vector<ImageTokens> encode(int adapter, std::span<const std::shared_ptr<const Image>> images,
                                  bool none, const std::stop_token& stop = {});
  /// Whether each is one that was encoded lately. Looks at no pixels.
  bool knows(int adapter, std::span<const std::shared_ptr<const Image>> images);

 private:
  /// What the encoder sees, [side, side, 3]; empty for no image.
  using Pixels = std::vector<std::uint8_t>;
  struct Known {
    int adapter = 0;
    Pixels pixels;
    ImageTokens tokens;
    /// That was asked for last. Known again without looking at its pixels.
    std::weak_ptr<const Image> image;
  };
  class Run;
  /// Null for an image that is not among the recent ones.
  ImageTokens find(int adapter, const std::shared_ptr<const Image>& image);
  ImageTokens find(int adapter, const Pixels& pixels, const std::shared_ptr<const Image>& image);
  ImageTokens first(int adapter, const auto& is_wanted);
  void remember(Known known);

  const Model& model_;
  ExecutableCache& executables_;
  /// Held while an encoder runs, so that one at a time is in memory. Locked before mutex_.
  std::mutex run_mutex_;
  std::mutex mutex_;
  /// Newest first. Tokens that a session or a change of one holds stay, however many came later.
  std::list<Known> recent_;
};

}  // namespace streamdiffusion::session

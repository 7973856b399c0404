#include "weights/controlnet_parts.h"

#include <algorithm>

#include "base/error.h"
#include "json/quote.h"

namespace streamdiffusion::weights {
namespace {

using base::ErrorCode;
using json::quote;

constexpr std::int64_t kImageChannels = 3;
constexpr const char* kPart = ": holds a part of a ControlNet: ";

void require_tensor(const LdmKeys& keys, const std::string& name) {
  base::require(keys.has(name), ErrorCode::corrupt_file, keys.file(), kPart, "tensor ", quote(name),
                " is missing");
}

/// The width that one gives must be that which the next one takes.
void require_same_width(const LdmKeys& keys, const std::string& from, const std::string& to,
                        std::size_t to_dimension) {
  const std::int64_t gives = keys.dim(from, 0), takes = keys.dim(to, to_dimension);
  base::require(gives == takes, ErrorCode::corrupt_file, keys.file(), kPart, quote(from), " gives ",
                gives, " channels, ", quote(to), " takes ", takes,
                ", so layers between them are missing");
}

}  // namespace

void require_whole_embedding(const LdmKeys& keys, const std::vector<std::string>& convolutions) {
  const std::int64_t channels = keys.dim(convolutions.front(), 1);
  base::require(channels != 2 * kImageChannels, ErrorCode::unsupported, keys.file(),
                ": its control image has 6 channels: a net that reads the image before as well, as "
                "TemporalNet does, which is not supported; expected 3");
  base::require(channels == kImageChannels, ErrorCode::unsupported, keys.file(),
                ": its control image has ", channels, " channels, expected ", kImageChannels);
  for (std::size_t i = 1; i < convolutions.size(); ++i) {
    require_same_width(keys, convolutions[i - 1], convolutions[i], 1);
  }
}

void require_whole_ldm_controlnet(const LdmKeys& keys) {
  for (const char* name : {"input_blocks.0.0.weight", "middle_block.0.in_layers.0.weight",
                           "time_embed.0.weight", "zero_convs.0.0.weight"}) {
    require_tensor(keys, name);
  }
  // A zero convolution for each block.
  const std::vector<int> blocks = keys.numbers("input_blocks."), zero = keys.numbers("zero_convs.");
  for (const int i : zero) {
    base::require(std::ranges::find(blocks, i) != blocks.end(), ErrorCode::corrupt_file,
                  keys.file(), kPart, "tensors \"input_blocks.", i, ".…\" are missing");
  }
  std::vector<std::string> convolutions;
  for (const int i : keys.numbers(kHintBlock)) {
    convolutions.push_back(kHintBlock + std::to_string(i) + ".weight");
  }
  require_whole_embedding(keys, convolutions);
  require_same_width(keys, convolutions.back(), "input_blocks.0.0.weight", 0);
}

}  // namespace streamdiffusion::weights

#include "models/ip_adapter.h"

#include <algorithm>

#include "base/error.h"
#include "graph/builder.h"
#include "models/numbered_name.h"
#include "weights/safetensors.h"

namespace streamdiffusion::models {
namespace {

using base::ErrorCode;
using base::fail;
using base::require;
using graph::Name;
using Projection = IpAdapterConfig::Projection;
using Level = UNetConfig::Level;

constexpr const char* kIpAdapters = "ip_adapters";
constexpr std::int64_t kMaxWidth = 1 << 16;
constexpr std::int64_t kMaxLayers = 64;
constexpr std::int64_t kMaxTokens = 1024;

/// The tensors of a file by name.
class Shapes {
 public:
  Shapes(std::span<const tensor::TensorSpec> tensors, const std::string& file)
      : tensors_(tensors), file_(file) {}

  const tensor::TensorSpec* find(const std::string& name) const {
    const auto found = std::ranges::find(tensors_, name, &tensor::TensorSpec::name);
    return found == tensors_.end() ? nullptr : &*found;
  }
  bool has(const std::string& name) const { return find(name) != nullptr; }
  /// A side of the tensor, which has so many.
  std::int64_t side(const std::string& name, std::size_t sides, std::size_t which) const {
    const tensor::TensorSpec* found = find(name);
    require(found != nullptr, ErrorCode::corrupt_file, file_, ": an IP-Adapter without \"", name,
            "\"");
    const bool good =
        found->dims.size() == sides && found->dims[which] >= 1 && found->dims[which] <= kMaxWidth;
    require(good, ErrorCode::corrupt_file, file_, ": \"", name, "\" is ",
            weights::to_string(found->dims), ", expected ", sides, " dimensions of 1 to ",
            kMaxWidth);
    return found->dims[which];
  }
  std::int64_t count(std::string_view begin, std::string_view end) const {
    return std::ranges::count_if(tensors_, [&](const tensor::TensorSpec& tensor) {
      return tensor.name.starts_with(begin) && tensor.name.ends_with(end);
    });
  }
  bool any(std::string_view part) const {
    return std::ranges::any_of(tensors_, [&](const tensor::TensorSpec& tensor) {
      return tensor.name.find(part) != std::string::npos;
    });
  }
  const std::string& file() const { return file_; }

 private:
  std::span<const tensor::TensorSpec> tensors_;
  const std::string& file_;
};

void refuse_face_id(const Shapes& file) {
  const bool face_id = file.any("perceiver_resampler") || file.any("_lora.") ||
                       (file.has("image_proj.proj.2.weight") && file.has("image_proj.norm.weight"));
  require(!face_id, ErrorCode::unsupported, file.file(),
          ": an IP-Adapter FaceID, which needs the face recognition of InsightFace and is not "
          "implemented; expected IP-Adapter, Plus, Plus Face or Full Face");
}

void read_resampler(const Shapes& file, IpAdapterConfig& c) {
  c.projection = Projection::plus;
  c.tokens = file.side(kResamplerLatents, 3, 1);
  c.width = file.side(kResamplerLatents, 3, 2);
  c.features = file.side("image_proj.proj_in.weight", 2, 1);
  c.context = file.side("image_proj.proj_out.weight", 2, 0);
  c.layers = file.count("image_proj.layers.", ".0.to_q.weight");
  require(c.layers >= 1 && c.layers <= kMaxLayers, ErrorCode::corrupt_file, file.file(),
          ": its resampler has ", c.layers, " layers, expected 1 to ", kMaxLayers);
  const std::int64_t inner = file.side("image_proj.layers.0.0.to_q.weight", 2, 0);
  require(inner % IpAdapterConfig::kHeadSize == 0, ErrorCode::corrupt_file, file.file(),
          ": \"image_proj.layers.0.0.to_q.weight\" has ", inner, " rows, expected a multiple of ",
          IpAdapterConfig::kHeadSize, ", the size of a head");
  c.heads = inner / IpAdapterConfig::kHeadSize;
  c.mlp_width = file.side("image_proj.layers.0.1.1.weight", 2, 0);
}

void read_plain(const Shapes& file, IpAdapterConfig& c) {
  c.features = file.side("image_proj.proj.weight", 2, 1);
  c.context = file.side("image_proj.norm.weight", 1, 0);
  const std::int64_t rows = file.side("image_proj.proj.weight", 2, 0);
  require(rows % c.context == 0, ErrorCode::corrupt_file, file.file(),
          ": \"image_proj.proj.weight\" has ", rows, " rows, expected a multiple of ", c.context,
          ", the entries of \"image_proj.norm.weight\"");
  c.tokens = rows / c.context;
}

void read_full(const Shapes& file, IpAdapterConfig& c) {
  c.projection = Projection::full;
  c.features = file.side("image_proj.proj.0.weight", 2, 1);
  c.width = file.side("image_proj.proj.0.weight", 2, 0);
  c.context = file.side("image_proj.proj.2.weight", 2, 0);
  c.tokens = 0;
}

int blocks(const std::vector<std::int64_t>& transformers) {
  std::int64_t sum = 0;
  for (const std::int64_t depth : transformers) sum += depth;
  return static_cast<int>(sum);
}

/// Sets the share of one transformer of a level's blocks.
void set_shares(std::vector<float>& shares, int first, const std::vector<std::int64_t>& depths,
                std::size_t which) {
  for (std::size_t i = 0; i < which; ++i) first += static_cast<int>(depths[i]);
  std::fill_n(shares.begin() + first, depths[which], 1.0F);
}

bool has(const UNetConfig& config, const CrossAttentions& wanted) {
  const CrossAttentions found = cross_attentions(config);
  return found.down == wanted.down && found.up == wanted.up && found.middle == wanted.middle;
}

/// SDXL itself: the smaller UNets of its family have other transformers.
bool is_sdxl(const UNetConfig& config) {
  return config.pooled_dim > 0 && has(config, {.down = 24, .up = 36, .middle = 10}) &&
         config.levels.back().down_transformers == std::vector<std::int64_t>{10, 10};
}

/// Stable Diffusion 2 has as many cross-attentions, to wider texts.
bool is_sd1(const UNetConfig& config) {
  constexpr std::int64_t kTextWidth = 768;
  return config.pooled_dim == 0 && has(config, {.down = 6, .up = 9, .middle = 1}) &&
         config.cross_attention_dim == kTextWidth;
}

/// InstantStyle's: up_blocks.0.attentions.1 and down_blocks.2.attentions.1.
std::vector<float> sdxl_shares(const UNetConfig& config, bool style) {
  std::vector<float> shares(static_cast<std::size_t>(cross_attentions(config).all()));
  const Level& innermost = config.levels.back();
  const std::vector<std::int64_t>& depths =
      style ? innermost.up_transformers : innermost.down_transformers;
  int first = cross_attentions(config).down;
  if (!style) first -= blocks(depths);
  set_shares(shares, first, depths, 1);
  return shares;
}

std::vector<float> sd_shares(bool style) {
  if (!style) return {0, 0, 0, 0, 0.25F, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  return {1, 1, 1, 1, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1};
}

}  // namespace

IpAdapterConfig ip_adapter_config(std::span<const tensor::TensorSpec> tensors,
                                  const std::string& name) {
  const Shapes file(tensors, name);
  refuse_face_id(file);
  IpAdapterConfig c;
  c.attentions = file.count("ip_adapter.", ".to_k_ip.weight");
  require(c.attentions > 0 && file.any("image_proj."), ErrorCode::corrupt_file, name,
          ": expected an IP-Adapter, with tensors of the names \"image_proj.*\" and "
          "\"ip_adapter.*.to_k_ip.weight\"");
  if (file.has(kResamplerLatents)) {
    read_resampler(file, c);
  } else if (file.has("image_proj.proj.weight")) {
    read_plain(file, c);
  } else if (file.has("image_proj.proj.0.weight")) {
    read_full(file, c);
  } else {
    fail(ErrorCode::unsupported, name,
         ": its image projection is none of those known; expected \"image_proj.proj.weight\", "
         "\"image_proj.latents\" or \"image_proj.proj.0.weight\"");
  }
  require(c.tokens <= kMaxTokens, ErrorCode::corrupt_file, name, ": it makes ", c.tokens,
          " tokens of an image, expected at most ", kMaxTokens);
  return c;
}

ClipVisionOutput features_of(const IpAdapterConfig& config) {
  return config.projection == Projection::plain ? ClipVisionOutput::projected
                                                : ClipVisionOutput::penultimate;
}

bool fits(const IpAdapterConfig& config, const ClipVisionConfig& encoder) {
  const bool projected = features_of(config) == ClipVisionOutput::projected;
  return config.features == (projected ? encoder.projection : encoder.layer.width);
}

std::int64_t image_tokens(const IpAdapterConfig& config, const ClipVisionConfig& encoder) {
  return config.tokens > 0 ? config.tokens : encoder.tokens();
}

std::string ip_adapter_root(int index) {
  return (Name(kIpAdapters) / index).str();
}

std::optional<IpAdapterTensor> ip_adapter_tensor(std::string_view name) {
  const auto found = numbered_name(kIpAdapters, name);
  if (!found) return std::nullopt;
  return IpAdapterTensor{found->number, found->name};
}

CrossAttentions cross_attentions(const UNetConfig& config) {
  CrossAttentions count;
  for (const Level& level : config.levels) {
    if (level.down_attention) count.down += blocks(level.down_transformers);
    if (level.up_attention) count.up += blocks(level.up_transformers);
  }
  if (config.mid == UNetConfig::Mid::cross_attention) {
    count.middle = static_cast<int>(config.mid_transformer);
  }
  return count;
}

bool knows_layers(const UNetConfig& config) {
  return is_sd1(config) || is_sdxl(config);
}

std::vector<float> layer_shares(const UNetConfig& config, ImageLayers layers) {
  if (layers == ImageLayers::whole) {
    return std::vector<float>(static_cast<std::size_t>(cross_attentions(config).all()), 1.0F);
  }
  require(knows_layers(config), ErrorCode::unsupported,
          "which cross-attentions make the style or the composition is not known for this UNet: it "
          "has ",
          cross_attentions(config).all(), " to texts of ", config.cross_attention_dim,
          " channels, expected Stable Diffusion 1's 16 to 768, or SDXL's 70; use whole");
  const bool style = layers == ImageLayers::style;
  return is_sdxl(config) ? sdxl_shares(config, style) : sd_shares(style);
}

}  // namespace streamdiffusion::models

// diffusers' models/autoencoders/{autoencoder_tiny,vae}.py as graphs.
#include "models/autoencoder_tiny.h"

#include "base/error.h"
#include "models/config_reader.h"

namespace streamdiffusion::models {
namespace {

using graph::Activation;
using graph::Builder;
using graph::Name;
using graph::Value;
using json::Json;

constexpr const char* kTinyClass = "AutoencoderTiny";

Activation activation(ConfigReader& config) {
  const std::string name = config.string("act_fn", "relu");
  if (name == "relu") return Activation::relu;
  if (name == "silu" || name == "swish") return Activation::silu;
  if (name == "gelu") return Activation::gelu;
  fail_not_implemented(*config.value("act_fn"), R"("relu", "silu" or "gelu")");
}

std::int64_t uniform_width(ConfigReader& config, std::string_view key, std::size_t stages) {
  const auto widths = config.integers(key, std::vector<std::int64_t>(4, 64), 1, kMaxChannels);
  base::require(widths.size() == stages, base::ErrorCode::corrupt_file, config.file(), ": \"", key,
                "\" has ", widths.size(), " entries, expected one for each of the ", stages,
                " stages");
  for (std::size_t i = 1; i < stages; ++i) {
    base::require(widths[i] == widths[0], base::ErrorCode::unsupported, config.file(), ": \"", key,
                  "\"[", i, "] is ", widths[i], ", expected ", widths[0],
                  ": stages of different widths are not implemented");
  }
  return widths[0];
}

/// Builds layers and numbers them as diffusers' nn.Sequential does.
class Layers {
 public:
  Layers(Builder& b, Name name, Activation act, std::int64_t width)
      : b_(b), name_(std::move(name)), act_(act), width_(width) {}

  Value conv(Value x, graph::ConvOptions options) {
    return b_.conv2d(x, name_ / index_++, options);
  }

  /// relu(x + three convolutions); the last one is a ReLU whatever act_fn says, as in diffusers.
  Value block(Value x) {
    const Name n = name_ / index_++ / "conv";
    Value h = b_.conv2d(x, n / 0, {.out = width_, .act = act_});
    h = b_.conv2d(h, n / 2, {.out = width_, .act = act_});
    return b_.conv2d(h, n / 4, {.out = width_, .residual = x, .act = Activation::relu});
  }

  Value blocks(Value x, std::int64_t count) {
    for (std::int64_t i = 0; i < count; ++i) x = block(x);
    return x;
  }

  /// For an activation or upsampling layer: it has a number but no weights.
  void skip_number() { ++index_; }

 private:
  Builder& b_;
  Name name_;
  Activation act_;
  std::int64_t width_;
  int index_ = 0;
};

}  // namespace

AutoencoderTinyConfig autoencoder_tiny_config(const Json& json) {
  ConfigReader config(json, kTinyClass);
  AutoencoderTinyConfig c;
  config.expect("in_channels", 3);
  config.expect("out_channels", 3);
  config.expect("upsampling_scaling_factor", 2);
  config.expect("upsample_fn", "nearest");
  // The first two describe how to store latents as images, the third repeats the decoder's widths,
  // and the last is about fp16.
  // force_upcast: f16 holds its activations, and diffusers takes it for false whatever it says
  config.ignore({"latent_magnitude", "latent_shift", "block_out_channels", "force_upcast"});
  c.latent_channels = config.integer("latent_channels", 4, 1, kMaxChannels);
  c.encoder_blocks = config.integers("num_encoder_blocks", {1, 3, 3, 3}, 0, 64);
  c.decoder_blocks = config.integers("num_decoder_blocks", {3, 3, 3, 1}, 0, 64);
  base::require(c.encoder_blocks.size() == c.decoder_blocks.size(), base::ErrorCode::unsupported,
                config.file(), ": \"num_encoder_blocks\" has ", c.encoder_blocks.size(),
                " stages and \"num_decoder_blocks\" ", c.decoder_blocks.size(),
                ", expected as many, so that the image keeps its size");
  c.encoder_width = uniform_width(config, "encoder_block_out_channels", c.encoder_blocks.size());
  c.decoder_width = uniform_width(config, "decoder_block_out_channels", c.decoder_blocks.size());
  c.activation = activation(config);
  c.latent = read_latent_scale(config, 1.0);
  config.finish();
  return c;
}

graph::Graph build_encoder(const AutoencoderTinyConfig& c, const ImageShape& shape) {
  check_image(shape, c.vae_scale_factor(), kTinyClass);
  Builder b(shape.activations);
  b.set_stage("encode");
  Layers layers(b, Name("encoder") / "layers", c.activation, c.encoder_width);
  Value x = pixels_input(b, shape, 1.0F / 255.0F, 0);
  for (std::size_t i = 0; i < c.encoder_blocks.size(); ++i) {
    x = i == 0 ? layers.conv(x, {.out = c.encoder_width})
               : layers.conv(x, {.out = c.encoder_width, .stride = 2, .bias = false});
    x = layers.blocks(x, c.encoder_blocks[i]);
  }
  latents_output(b, layers.conv(x, {.out = c.latent_channels}), c.latent);
  return b.finish();
}

graph::Graph build_decoder(const AutoencoderTinyConfig& c, const ImageShape& shape) {
  check_image(shape, c.vae_scale_factor(), kTinyClass);
  Builder b(shape.activations);
  b.set_stage("decode");
  Layers layers(b, Name("decoder") / "layers", c.activation, c.decoder_width);
  const Value latents = latents_input(b, shape, c.vae_scale_factor(), c.latent_channels, c.latent);
  Value x = b.to_activations(b.act(latents, Activation::tanh3));
  x = layers.conv(x, {.out = c.decoder_width, .act = c.activation});
  layers.skip_number();
  for (std::size_t i = 0; i < c.decoder_blocks.size(); ++i) {
    x = layers.blocks(x, c.decoder_blocks[i]);
    if (i + 1 == c.decoder_blocks.size()) break;
    layers.skip_number();
    x = layers.conv(x, {.out = c.decoder_width, .bias = false, .upsample2x = true});
  }
  image_outputs(b, shape, layers.conv(x, {.out = 3}), 2, -1);
  return b.finish();
}

}  // namespace streamdiffusion::models

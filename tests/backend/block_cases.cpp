// Several ops together as the models put them: lifetimes, residuals written onto, and skips that
// live long.
#include <cmath>

#include "backend/op_cases.h"
#include "support/numbers.h"

namespace streamdiffusion::backend::test {
namespace {

using graph::Activation;
using graph::Builder;
using graph::Lifetime;
using graph::Name;
using graph::Value;
using tensor::DType;

Value resnet(Builder& b, Value x, Value time, std::int64_t out, const Name& name) {
  Value h = b.group_norm(x, name / "norm1", {.groups = 8, .silu = true});
  const Value row_bias =
      b.linear(b.silu(time), name / "time_emb_proj",
               {.out = out, .extra_bias = (name / "conv1.bias").str(), .f32_output = true});
  h = b.conv2d(h, name / "conv1", {.out = out, .bias = false, .row_bias = row_bias});
  h = b.group_norm(h, name / "norm2", {.groups = 8, .silu = true});
  const Value shortcut =
      b.shape(x).c == out ? x
                          : b.linear(x, name / "conv_shortcut", {.out = out, .conv_weight = true});
  return b.conv2d(h, name / "conv2", {.out = out, .residual = shortcut});
}

Value transformer(Builder& b, Value x, Value context, std::vector<int> kv_rows, const Name& name) {
  const std::int64_t c = b.shape(x).c;
  Value h = b.linear(b.group_norm(x, name / "norm", {.groups = 8, .eps = 1e-6F}), name / "proj_in",
                     {.out = c});
  const auto attend = [&](Value from, const Name& n, std::vector<int> rows) {
    const Value query = b.layer_norm(h, n / "norm");
    const Value source = from ? from : query;
    const Value q = b.linear(query, n / "to_q", {.out = c, .bias = false});
    const Value k = b.linear(source, n / "to_k", {.out = c, .bias = false});
    const Value v = b.linear(source, n / "to_v", {.out = c, .bias = false});
    const Value y = b.attention(q, k, v, n, {.heads = 4, .kv_rows = std::move(rows)});
    h = b.linear(y, n / "to_out.0", {.out = c, .residual = h});
  };
  attend({}, name / "attn1", {});
  attend(context, name / "attn2", std::move(kv_rows));
  const Value ff = b.geglu_linear(b.layer_norm(h, name / "norm3"), name / "ff.net.0.proj", 4 * c);
  h = b.linear(ff, name / "ff.net.2", {.out = c, .residual = h});
  return b.linear(h, name / "proj_out", {.out = c, .residual = x});
}

/// A small UNet: down, middle, up with a skip; every lifetime.
void unet(Builder& b, Rows rows) {
  const Value latents =
      b.input("latents", {{rows.count, 9, 7, 4}, DType::f32}, Lifetime::per_frame);
  const Value t = b.input("t", {{rows.count, 1, 1, 1}, DType::f32}, Lifetime::per_schedule);
  const Value context =
      b.to_activations(b.input("context", {{2, 7, 1, 24}, DType::f32}, Lifetime::per_prompt));
  std::vector<int> kv_rows;
  for (std::int64_t i = 0; i < rows.count; ++i)
    kv_rows.push_back(static_cast<int>((rows.first + i) % 2));
  Value time = b.linear(b.timestep_embedding(t, {.width = 16}), Name("time.linear_1"),
                        {.out = 32, .act = Activation::silu});
  time = b.linear(time, Name("time.linear_2"), {.out = 32});
  const Value skip = b.conv2d(b.to_activations(latents), Name("conv_in"), {.out = 16});
  Value h = resnet(b, skip, time, 16, Name("down.resnets.0"));
  h = b.conv2d(h, Name("downsample"), {.out = 16, .stride = 2});
  h = resnet(b, h, time, 32, Name("mid.resnets.0"));
  h = transformer(b, h, context, std::move(kv_rows), Name("mid.attentions.0"));
  h = b.conv2d(b.upsample_nearest(h, 9, 7), Name("upsample"), {.out = 16});
  h = resnet(b, b.concat_channels(h, skip), time, 16, Name("up.resnets.0"));
  h = b.conv2d(b.group_norm(h, Name("conv_norm_out"), {.groups = 8, .silu = true}),
               Name("conv_out"), {.out = 4});
  b.output("noise", b.convert(h, {.to = DType::f32}));
}

/// AutoencoderTiny's block and frame: pixels in, pixels out.
void autoencoder(Builder& b, Rows rows) {
  const Value pixels = b.input("pixels", {{rows.count, 16, 24, 3}, DType::u8}, Lifetime::per_frame);
  Value h = b.conv2d(b.convert(pixels, {.scale = 1 / 255.0F, .to = b.activations()}),
                     Name("encoder.0"), {.out = 16});
  for (int i = 0; i < 3; ++i) {
    const Name name = Name("block") / i;
    Value x = b.conv2d(h, name / "conv.0", {.out = 16, .act = Activation::relu});
    x = b.conv2d(x, name / "conv.2", {.out = 16, .act = Activation::relu});
    h = b.conv2d(x, name / "conv.4", {.out = 16, .residual = h, .act = Activation::relu});
  }
  h = b.conv2d(h, Name("encoder.4"), {.out = 16, .stride = 2, .bias = false});
  h = b.act(b.conv2d(h, Name("encoder.5"), {.out = 4}), Activation::tanh3);
  h = b.upsample_nearest(b.conv2d(h, Name("decoder.1"), {.out = 16, .act = Activation::relu}), 16,
                         24);
  h = b.conv2d(h, Name("decoder.3"), {.out = 3});
  b.output("images", b.convert(h, {.to = DType::f32}));
  b.output("pixels_out", b.convert(h, {.scale = 127.5F, .shift = 127.5F, .to = DType::u8}));
}

}  // namespace

std::vector<OpCase> block_cases() {
  OpCase small_unet{.name = "block_unet", .rows = 4, .build = unet, .shared_inputs = {"context"}};
  OpCase small_autoencoder{.name = "block_autoencoder", .rows = 2, .build = autoencoder};
  small_autoencoder.fill = [](std::string_view name, std::int64_t i) {
    return std::floor(128 + 128 * uniform(name, i));
  };
  return {small_unet, small_autoencoder};
}

}  // namespace streamdiffusion::backend::test

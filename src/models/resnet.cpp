// diffusers' ResnetBlock2D. The skip connection is never concatenated for norm1: it reads both
// parts.
#include "models/resnet.h"

namespace streamdiffusion::models {

using graph::Builder;
using graph::Name;
using graph::Value;

namespace {

// conv1's bias is added to the time projection, which gives one bias vector per row. It depends
// only on the schedule, so it is computed before the first frame.
Value first_convolution(Builder& b, Value h, Value time, std::int64_t out, const Name& n) {
  const Name conv1 = n / "conv1";
  if (!time) return b.conv2d(h, conv1, {.out = out});
  const Value row_bias =
      b.linear(time, n / "time_emb_proj",
               {.out = out, .extra_bias = (conv1 / "bias").str(), .f32_output = true});
  return b.conv2d(h, conv1, {.out = out, .bias = false, .row_bias = row_bias});
}

Value shortcut_of(Builder& b, Value x, Value skip, std::int64_t out, const Name& n) {
  const Value whole = skip ? b.concat_channels(x, skip) : x;
  if (b.shape(whole).c == out) return whole;
  return b.linear(whole, n / "conv_shortcut", {.out = out, .conv_weight = true});
}

}  // namespace

Value resnet_block(Builder& b, Value x, Value skip, Value time, const ResnetOptions& o,
                   const Name& n) {
  const graph::GroupNorm norm{.groups = o.groups, .eps = o.eps, .silu = true};
  Value h = skip ? b.group_norm(x, skip, n / "norm1", norm) : b.group_norm(x, n / "norm1", norm);
  h = first_convolution(b, h, time, o.out, n);
  h = b.group_norm(h, n / "norm2", norm);
  const Value shortcut = shortcut_of(b, x, skip, o.out, n);
  return b.conv2d(h, n / "conv2", {.out = o.out, .residual = shortcut});
}

}  // namespace streamdiffusion::models

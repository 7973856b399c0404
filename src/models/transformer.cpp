// diffusers' models/attention.py: BasicTransformerBlock inside Transformer2DModel.
#include "models/transformer.h"

namespace streamdiffusion::models {

using graph::Builder;
using graph::Name;
using graph::Value;

namespace {

struct AttentionSource {
  Value keys_from;
  std::vector<int> kv_rows;
};

// x + attention(norm(x), source). The keys and values of a prompt do not depend on the frame, so
// they are computed once per prompt.
Value attend(Builder& b, Value x, Value normed, const AttentionSource& source, int heads,
             const Name& n) {
  const std::int64_t c = b.shape(x).c;
  const Value q = b.linear(normed, n / "to_q", {.out = c, .bias = false});
  const Value k = b.linear(source.keys_from, n / "to_k", {.out = c, .bias = false});
  const Value v = b.linear(source.keys_from, n / "to_v", {.out = c, .bias = false});
  const Value h = b.attention(q, k, v, n, {.heads = heads, .kv_rows = source.kv_rows});
  return b.linear(h, n / "to_out" / 0, {.out = c, .residual = x});
}

Value feed_forward(Builder& b, Value x, Value normed, const Name& n) {
  const std::int64_t c = b.shape(x).c;
  const Value h = b.geglu_linear(normed, n / "net" / 0 / "proj", 4 * c);
  return b.linear(h, n / "net" / 2, {.out = c, .residual = x});
}

Value transformer_block(Builder& b, Value x, const TransformerOptions& o, const Name& n) {
  const Value normed = b.layer_norm(x, n / "norm1");
  const AttentionSource text{o.context, o.kv_rows};
  const AttentionSource own = o.only_cross_attention ? text : AttentionSource{normed, {}};
  x = attend(b, x, normed, own, o.heads, n / "attn1");
  x = attend(b, x, b.layer_norm(x, n / "norm2"), text, o.heads, n / "attn2");
  return feed_forward(b, x, b.layer_norm(x, n / "norm3"), n / "ff");
}

}  // namespace

Value transformer_2d(Builder& b, Value x, const TransformerOptions& o, const Name& n) {
  const std::int64_t c = b.shape(x).c;
  const bool conv_weight = !o.linear_projection;
  Value h = b.group_norm(x, n / "norm", {.groups = o.groups, .eps = 1e-6F});
  h = b.linear(h, n / "proj_in", {.out = c, .conv_weight = conv_weight});
  for (int i = 0; i < o.layers; ++i) {
    h = transformer_block(b, h, o, n / "transformer_blocks" / i);
  }
  return b.linear(h, n / "proj_out", {.out = c, .residual = x, .conv_weight = conv_weight});
}

}  // namespace streamdiffusion::models

// diffusers' models/attention.py: BasicTransformerBlock inside Transformer2DModel.
#include "models/transformer.h"

#include "models/ip_adapter.h"

namespace streamdiffusion::models {

using graph::Builder;
using graph::Name;
using graph::Value;

namespace {

struct AttentionSource {
  Value keys_from;
  std::vector<int> kv_rows;
  std::span<const ImageAttention> image_prompts;
  int cross_attention = 0;
  CachedFramesInputs cached = {};
};

/// Adds what the same queries find in an image's tokens, by keys and values of their own:
/// decoupled cross-attention (Ye et al. 2023, arXiv 2308.06721, section 3.2.2).
Value add_image_prompts(Builder& b, Value h, Value q, const AttentionSource& source, int heads) {
  const std::int64_t c = b.shape(q).c;
  for (const ImageAttention& image : source.image_prompts) {
    const Name n =
        Name(ip_adapter_root(image.adapter)) / "ip_adapter" / (2 * source.cross_attention + 1);
    const Value k = b.linear(image.tokens, n / "to_k_ip", {.out = c, .bias = false});
    const Value v = b.linear(image.tokens, n / "to_v_ip", {.out = c, .bias = false});
    const Value seen = b.attention(q, k, v, n, {.heads = heads, .kv_rows = source.kv_rows});
    h = b.add_scaled(h, seen, image.scales, source.cross_attention);
  }
  return h;
}

// x + attention(norm(x), source). The keys and values of a prompt do not depend on the frame, so
// they are computed once per prompt.
Value attend(Builder& b, Value x, Value normed, const AttentionSource& source, int heads,
             const Name& n) {
  const std::int64_t c = b.shape(x).c;
  const Value q = b.linear(normed, n / "to_q", {.out = c, .bias = false});
  const Value k = b.linear(source.keys_from, n / "to_k", {.out = c, .bias = false});
  const Value v = b.linear(source.keys_from, n / "to_v", {.out = c, .bias = false});
  Value h =
      b.attention(q, k, v, source.cached.slots, n,
                  {.heads = heads, .kv_rows = source.kv_rows, .slots = source.cached.slot_count});
  h = add_image_prompts(b, h, q, source, heads);
  if (source.cached.injection) {
    h = b.linear(h, n / "to_out" / 0, {.out = c});
    return b.inject_features(h, x, source.cached.slots, source.cached.injection, n,
                             {.slots = source.cached.slot_count});
  }
  return b.linear(h, n / "to_out" / 0, {.out = c, .residual = x});
}

Value feed_forward(Builder& b, Value x, Value normed, const Name& n) {
  const std::int64_t c = b.shape(x).c;
  const Value h = b.geglu_linear(normed, n / "net" / 0 / "proj", 4 * c);
  return b.linear(h, n / "net" / 2, {.out = c, .residual = x});
}

Value transformer_block(Builder& b, Value x, const TransformerOptions& o, int cross_attention,
                        const Name& n) {
  const Value normed = b.layer_norm(x, n / "norm1");
  AttentionSource text{o.context, o.kv_rows, {}, cross_attention};
  const AttentionSource own =
      o.only_cross_attention ? text : AttentionSource{normed, {}, {}, 0, o.cached};
  x = attend(b, x, normed, own, o.heads, n / "attn1");
  text.image_prompts = o.image_prompts;  // the second attention's alone
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
    h = transformer_block(b, h, o, o.first_cross_attention + i, n / "transformer_blocks" / i);
  }
  return b.linear(h, n / "proj_out", {.out = c, .residual = x, .conv_weight = conv_weight});
}

}  // namespace streamdiffusion::models

#include "op_rows.h"

#include "support/numbers.h"

namespace streamdiffusion::bench {
namespace {

using backend::test::OpCase;
using backend::test::Rows;
using graph::Builder;
using graph::Lifetime;
using graph::Name;
using graph::Value;
using tensor::Shape;

using Build = std::function<void(Builder&)>;

/// A row of one image.
OpCase row(const std::string& name, const Build& build) {
  return {.name = name, .rows = 1, .build = [build](Builder& b, Rows) { build(b); }};
}

Value input(Builder& b, const char* name, const Shape& shape) {
  return b.input(name, {shape, b.activations()}, Lifetime::per_frame);
}

std::string size(std::int64_t side) {
  return std::to_string(side) + "x" + std::to_string(side);
}

/// What a convolution has besides 3 x 3 taps and a bias.
struct ConvKind {
  const char* suffix = "";
  graph::ConvOptions options = {};
  bool residual = false;
};

OpCase conv(const std::string& model, std::int64_t side, std::int64_t in, std::int64_t out,
            const ConvKind& kind = {}) {
  const std::string name = "conv2d/" + model + "/" + size(side) + "_" + std::to_string(in) +
                           "_to_" + std::to_string(out) + kind.suffix;
  return row(name, [=](Builder& b) {
    graph::ConvOptions options = kind.options;
    options.out = out;
    const Value x = input(b, "x", {1, side, side, in});
    if (kind.residual) options.residual = input(b, "residual", {1, side, side, out});
    b.output("y", b.conv2d(x, Name("conv"), options));
  });
}

/// An op with one input, which `op` adds to the graph.
OpCase unary(const std::string& kind_and_model, std::int64_t side, std::int64_t c,
             const std::function<Value(Builder&, Value)>& op, const std::string& suffix = "") {
  return row(kind_and_model + "/" + size(side) + "_" + std::to_string(c) + suffix, [=](Builder& b) {
    b.output("y", op(b, input(b, "x", {1, side, side, c})));
  });
}

OpCase linear(std::int64_t side, std::int64_t in, std::int64_t out) {
  return unary(
      "linear/sd-turbo", side, in,
      [=](Builder& b, Value x) { return b.linear(x, Name("linear"), {.out = out}); },
      "_to_" + std::to_string(out));
}

OpCase geglu(std::int64_t side, std::int64_t in) {
  return unary("geglu_linear/sd-turbo", side, in,
               [=](Builder& b, Value x) { return b.geglu_linear(x, Name("proj"), 4 * in); });
}

OpCase group_norm(const std::string& model, std::int64_t side, std::int64_t c) {
  return unary(
      "group_norm/" + model, side, c,
      [](Builder& b, Value x) { return b.group_norm(x, Name("norm"), {.silu = true}); }, "_silu");
}

OpCase layer_norm(std::int64_t side, std::int64_t c) {
  return unary("layer_norm/sd-turbo", side, c,
               [](Builder& b, Value x) { return b.layer_norm(x, Name("norm")); });
}

/// Self-attention without `keys`, else cross-attention on so many.
OpCase attention(const std::string& model, std::int64_t side, int heads, std::int64_t head,
                 std::int64_t keys = 0) {
  const std::string name = "attention/" + model + "/" + size(side) + "_" + std::to_string(heads) +
                           "_heads_of_" + std::to_string(head) +
                           (keys > 0 ? "_" + std::to_string(keys) + "_keys" : "");
  return row(name, [=](Builder& b) {
    const std::int64_t c = heads * head, count = keys > 0 ? keys : side * side;
    const Value q = input(b, "q", {1, side, side, c});
    const Value k = input(b, "k", {1, count, 1, c}), v = input(b, "v", {1, count, 1, c});
    b.output("y", b.attention(q, k, v, Name("attention"), {.heads = heads, .kv_rows = {}}));
  });
}

/// Self-attention that keeps keys and values, to its own and those of `frames` earlier calls.
OpCase cached_attention(const std::string& model, std::int64_t side, int heads, std::int64_t head,
                        int frames) {
  OpCase op = row(
      "attention/" + model + "/" + size(side) + "_" + std::to_string(heads) + "_heads_of_" +
          std::to_string(head) + "_cached_" + std::to_string(frames),
      [=](Builder& b) {
        const tensor::Shape shape{1, side, side, heads * head};
        const Value q = input(b, "q", shape), k = input(b, "k", shape), v = input(b, "v", shape);
        const Value slots =
            b.input("slots", {{1, 1, 1, 1 + frames}, tensor::DType::i32}, Lifetime::per_frame);
        b.output("y", b.attention(q, k, v, slots, Name("attention"),
                                  {.heads = heads, .kv_rows = {}, .slots = 1 + frames}));
      });
  op.fill = [](std::string_view name, std::int64_t i) {
    return name == "slots" ? static_cast<double>(i) : backend::test::uniform(name, i);
  };
  return op;
}

OpCase inject_features(std::int64_t side, std::int64_t channels, int frames) {
  OpCase op =
      row("inject_features/sd-turbo/" + size(side) + "_" + std::to_string(channels) + "_cached_" +
              std::to_string(frames),
          [=](Builder& b) {
            const tensor::Shape shape{1, side, side, channels};
            const Value x = input(b, "x", shape), residual = input(b, "residual", shape);
            const Value slots =
                b.input("slots", {{1, 1, 1, 1 + frames}, tensor::DType::i32}, Lifetime::per_frame);
            const Value settings =
                b.input("settings", {{1, 1, 1, 2}, tensor::DType::f32}, Lifetime::per_frame);
            b.output("y", b.inject_features(x, residual, slots, settings, Name("inject"),
                                            {.slots = 1 + frames}));
          });
  op.fill = [](std::string_view name, std::int64_t i) {
    return name == "slots" ? static_cast<double>(i) : backend::test::uniform(name, i);
  };
  return op;
}

OpCase concat(std::int64_t side, std::int64_t a, std::int64_t b_channels) {
  return row("concat_channels/sd-turbo/" + size(side) + "_" + std::to_string(a) + "_and_" +
                 std::to_string(b_channels),
             [=](Builder& b) {
               const Value x = input(b, "x", {1, side, side, a}),
                           y = input(b, "y", {1, side, side, b_channels});
               b.output("z", b.concat_channels(x, y));
             });
}

OpCase concat_tokens(std::int64_t a, std::int64_t b_tokens, std::int64_t channels) {
  return row("concat_tokens/ip-adapter/" + std::to_string(a) + "_and_" + std::to_string(b_tokens),
             [=](Builder& b) {
               const Value x = input(b, "x", {1, a, 1, channels}),
                           y = input(b, "y", {1, b_tokens, 1, channels});
               b.output("z", b.concat_tokens(x, y));
             });
}

OpCase add_scaled(std::int64_t side, std::int64_t channels) {
  return row("add_scaled/controlnet/" + size(side) + "_" + std::to_string(channels),
             [=](Builder& b) {
               const Value x = input(b, "x", {1, side, side, channels}),
                           y = input(b, "y", {1, side, side, channels});
               const Value scales =
                   b.input("scales", {{1, 1, 1, 13}, tensor::DType::f32}, Lifetime::per_frame);
               b.output("z", b.add_scaled(x, y, scales, 12));
             });
}

OpCase image_in(const std::string& model, std::int64_t side) {
  return row("convert/" + model + "/" + size(side) + "_bytes_in", [=](Builder& b) {
    const Value x = b.input("x", {{1, side, side, 3}, tensor::DType::u8}, Lifetime::per_frame);
    b.output("y", b.convert(x, {.scale = 1 / 127.5F, .shift = -1, .to = b.activations()}));
  });
}

}  // namespace

std::vector<OpCase> op_rows() {
  const ConvKind relu{.suffix = "_relu", .options = {.act = graph::Activation::relu}},
      half{.suffix = "_stride_2", .options = {.stride = 2}},
      upsample2x{.suffix = "_upsample2x", .options = {.upsample2x = true}},
      residual{.suffix = "_residual", .residual = true};
  return {
      conv("taesd", 512, 3, 64),
      conv("taesd", 512, 64, 64, relu),
      conv("taesd", 512, 64, 64, half),
      conv("taesd", 256, 64, 64, upsample2x),
      conv("taesd", 512, 64, 3),
      conv("sd-turbo", 64, 320, 320),
      conv("sd-turbo", 64, 320, 320, residual),
      conv("sd-turbo", 64, 320, 320, half),
      conv("sd-turbo", 64, 960, 320),
      conv("sd-turbo", 32, 640, 640),
      conv("sd-turbo", 32, 640, 640, upsample2x),
      conv("sd-turbo", 32, 1920, 640),
      conv("sd-turbo", 16, 1280, 1280),
      conv("sd-turbo", 16, 2560, 1280),
      conv("sd-turbo", 8, 1280, 1280),
      conv("pictogram", 256, 3, 32),
      conv("pictogram", 256, 32, 32, half),
      conv("pictogram", 128, 32, 32, relu),
      conv("pictogram", 128, 32, 32, upsample2x),
      conv("pictogram", 16, 96, 96),
      conv("pictogram", 8, 320, 160),
      linear(64, 320, 320),
      linear(32, 640, 640),
      linear(16, 1280, 1280),
      linear(16, 5120, 1280),
      geglu(64, 320),
      geglu(32, 640),
      geglu(16, 1280),
      attention("sd-turbo", 64, 5, 64),
      attention("sd-turbo", 32, 10, 64),
      attention("sd-turbo", 16, 20, 64),
      attention("sd-turbo", 64, 5, 64, 77),
      attention("sd15", 64, 8, 40),
      cached_attention("sd-turbo", 64, 5, 64, 1),
      cached_attention("sd-turbo", 64, 5, 64, 2),
      cached_attention("sd-turbo", 32, 10, 64, 1),
      cached_attention("sd15", 64, 8, 40, 1),
      inject_features(16, 1280, 1),
      attention("pictogram", 16, 3, 32),
      group_norm("sd-turbo", 64, 320),
      group_norm("sd-turbo", 32, 1920),
      group_norm("pictogram", 16, 96),
      layer_norm(64, 320),
      layer_norm(16, 1280),
      concat(64, 640, 320),
      concat_tokens(257, 16, 768),
      unary(
          "slice_channels/taesd", 64, 16,
          [](Builder& b, Value x) { return b.slice_channels(x, 0, 8); }, "_first_8"),
      unary(
          "upsample_nearest/sd-turbo", 32, 640,
          [](Builder& b, Value x) { return b.upsample_nearest(x, 64, 64); }, "_twice"),
      unary(
          "act/sd-turbo", 1, 1280, [](Builder& b, Value x) { return b.silu(x); }, "_silu"),
      unary("add/sd-turbo", 64, 320, [](Builder& b, Value x) { return b.add(x, x); }),
      add_scaled(64, 320),
      image_in("sd-turbo", 512),
      image_in("pictogram", 256),
  };
}

}  // namespace streamdiffusion::bench

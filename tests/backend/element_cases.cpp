// The cases of element-wise and copying ops in the op table.
#include <array>
#include <cmath>
#include <limits>

#include "backend/op_cases.h"
#include "support/numbers.h"

namespace streamdiffusion::backend::test {
namespace {

using graph::Activation;
using graph::Builder;
using graph::Convert;
using graph::Value;
using tensor::DType;
using tensor::Shape;

Shape rows_of(Shape shape, Rows rows) {
  shape.n = rows.count;
  return shape;
}

OpCase add(const char* name, Shape shape, Residual kind) {
  const auto build = [=](Builder& b, Rows rows) {
    const Value a = make_residual(b, kind, rows_of(shape, rows));
    finish(b, kind, b.add(a, input(b, "x", rows_of(shape, rows))), a);
  };
  return {.name = std::string("add_") + name, .rows = shape.n, .build = build};
}

/// Each row by a scale of its own; a scale of 0 leaves `a` as it is.
OpCase add_scaled(const char* name, Shape shape, Residual kind, std::int64_t columns) {
  const auto build = [=](Builder& b, Rows rows) {
    const Value a = make_residual(b, kind, rows_of(shape, rows));
    const Value scales =
        b.input("scales", {{rows.count, 1, 1, columns}, DType::f32}, graph::Lifetime::per_frame);
    const Value x = input(b, "x", rows_of(shape, rows));
    finish(b, kind, b.add_scaled(a, x, scales, columns - 1), a);
  };
  return {.name = std::string("add_scaled_") + name, .rows = shape.n, .build = build};
}

OpCase act(Activation activation, Shape shape, Residual kind) {
  const auto build = [=](Builder& b, Rows rows) {
    const Value x = make_residual(b, kind, rows_of(shape, rows));
    finish(b, kind, b.act(x, activation), x);
  };
  OpCase op{.name = std::string("act_") + graph::to_string(activation) +
                    (kind == Residual::dies ? "_in_place" : ""),
            .rows = shape.n,
            .build = build};
  op.fill = [](std::string_view name, std::int64_t i) { return 12 * uniform(name, i); };
  return op;
}

/// Numbers that the type can hold, some of them beyond what u8 can.
double convert_input(DType from, std::int64_t i) {
  const double u = uniform("x", i);
  switch (from) {
    case DType::u8:
      return std::floor(128 + 128 * u);
    case DType::i32:
      return std::floor(400 * u);
    default:
      return 200 * u;
  }
}

OpCase convert(std::string name, Shape shape, DType from, const Convert& options) {
  const auto build = [=](Builder& b, Rows rows) {
    b.output("y", b.convert(b.input("x", {rows_of(shape, rows), from}, graph::Lifetime::per_frame),
                            options));
  };
  OpCase op{.name = "convert_" + name, .rows = shape.n, .build = build};
  op.fill = [from](std::string_view, std::int64_t i) { return convert_input(from, i); };
  op.optional = from == DType::i32 || options.to == DType::i32;
  return op;
}

/// Ties, both ends, and what is no number: the rounding rule itself, exact on every backend.
OpCase convert_rounding() {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  static constexpr std::array kNumbers = {-0.5,        0.5,   1.5,   2.5,   3.5, -0.51,
                                          254.5,       255.5, 255.0, 256.0, 1e9, -1e9,
                                          double{NAN}, kInf,  -kInf, 127.49};
  OpCase op = convert("f32_to_u8_rounding", {1, 1, 8, 6}, DType::f32, {.to = DType::u8});
  op.fill = [](std::string_view, std::int64_t i) {
    return kNumbers[static_cast<std::size_t>(i) % kNumbers.size()];
  };
  op.f32_tolerance = 0;
  return op;
}

std::vector<OpCase> convert_cases() {
  std::vector<OpCase> cases;
  const std::array types = {DType::f32, DType::bf16, DType::u8, DType::i32};
  for (const DType from : types) {
    for (const DType to : types) {
      const std::string name =
          std::string(tensor::to_string(from)) + "_to_" + tensor::to_string(to);
      if (from != to) cases.push_back(convert(name, {2, 5, 7, 6}, from, {.to = to}));
      cases.push_back(convert(name + "_scaled", {2, 5, 7, 3}, from,
                              {.scale = 0.75F, .shift = 3.25F, .to = to}));
    }
  }
  cases.push_back(convert("pixels_in", {2, 15, 20, 3}, DType::u8,
                          {.scale = 2 / 255.0F, .shift = -1, .to = DType::f32}));
  cases.push_back(convert("pixels_out", {1, 15, 20, 3}, DType::f32,
                          {.scale = 127.5F, .shift = 127.5F, .to = DType::u8}));
  cases.back().fill = [](std::string_view name, std::int64_t i) { return 1.25 * uniform(name, i); };
  cases.push_back(convert("long", {3, 31, 33, 5}, DType::f32, {.scale = -2, .to = DType::f32}));
  cases.push_back(convert_rounding());
  return cases;
}

OpCase upsample(const char* name, Shape shape, std::int64_t h, std::int64_t w) {
  const auto build = [=](Builder& b, Rows rows) {
    b.output("y", b.upsample_nearest(input(b, "x", rows_of(shape, rows)), h, w));
  };
  return {
      .name = std::string("upsample_") + name, .rows = shape.n, .build = build, .f32_tolerance = 0};
}

OpCase concat(const char* name, Shape shape, std::int64_t second) {
  const auto build = [=](Builder& b, Rows rows) {
    const Value a = input(b, "x", rows_of(shape, rows));
    b.output("y", b.concat_channels(a, input(b, "second", {rows.count, shape.h, shape.w, second})));
  };
  return {
      .name = std::string("concat_") + name, .rows = shape.n, .build = build, .f32_tolerance = 0};
}

OpCase concat_tokens(const char* name, Shape shape, std::int64_t second) {
  const auto build = [=](Builder& b, Rows rows) {
    const Value a = input(b, "x", rows_of(shape, rows));
    b.output("y", b.concat_tokens(a, input(b, "second", {rows.count, second, 1, shape.c})));
  };
  return {.name = std::string("concat_tokens_") + name,
          .rows = shape.n,
          .build = build,
          .f32_tolerance = 0};
}

OpCase slice(const char* name, Shape shape, std::int64_t first, std::int64_t count) {
  const auto build = [=](Builder& b, Rows rows) {
    b.output("y", b.slice_channels(input(b, "x", rows_of(shape, rows)), first, count));
  };
  return {
      .name = std::string("slice_") + name, .rows = shape.n, .build = build, .f32_tolerance = 0};
}

OpCase embedding(const char* name, std::int64_t n, std::int64_t tokens,
                 const graph::Embedding& options) {
  const auto build = [=](Builder& b, Rows rows) {
    const Value ids =
        b.input("ids", {{rows.count, tokens, 1, 1}, DType::i32}, graph::Lifetime::per_prompt);
    b.output("y", b.embedding(ids, graph::Name("embeddings"), options, "token_embedding",
                              "position_embedding"));
  };
  OpCase op{.name = std::string("embedding_") + name, .rows = n, .build = build};
  const auto vocabulary = static_cast<double>(options.vocabulary);
  op.fill = [vocabulary](std::string_view input, std::int64_t i) {
    return i == 0   ? 0
           : i == 1 ? vocabulary - 1
                    : std::floor((uniform(input, i) + 1) / 2 * vocabulary);
  };
  return op;
}

OpCase timestep(const char* name, std::int64_t n, const graph::TimestepEmbedding& options) {
  const auto build = [=](Builder& b, Rows rows) {
    const Value t =
        b.input("t", {{rows.count, 1, 1, 1}, DType::f32}, graph::Lifetime::per_schedule);
    b.output("y", b.timestep_embedding(t, options));
  };
  OpCase op{.name = std::string("timestep_embedding_") + name, .rows = n, .build = build};
  op.fill = [](std::string_view, std::int64_t i) { return static_cast<double>(999 - 211 * i); };
  op.f32_tolerance =
      1e-4;  // a frequency may differ in its last bit, which is 6e-5 of phase at t = 999
  return op;
}

}  // namespace

std::vector<OpCase> element_cases() {
  std::vector<OpCase> cases = {
      add("input", {2, 8, 8, 32}, Residual::input),
      add("in_place", {2, 15, 20, 30}, Residual::dies),
      add("lives_on", {1, 5, 7, 3}, Residual::lives_on),
      add("output", {3, 1, 1, 17}, Residual::output),
      add_scaled("input", {2, 8, 8, 32}, Residual::input, 1),
      add_scaled("in_place", {3, 15, 20, 30}, Residual::dies, 4),
      add_scaled("lives_on", {2, 5, 7, 3}, Residual::lives_on, 2),
      add_scaled("output", {3, 1, 1, 17}, Residual::output, 1),
      upsample("8x8_to_16x16", {2, 8, 8, 64}, 16, 16),
      upsample("8x8_to_15x15", {1, 8, 8, 32}, 15, 15),
      upsample("8x10_to_15x20", {3, 8, 10, 30}, 15, 20),
      upsample("5x7_to_17x9", {2, 5, 7, 3}, 17, 9),
      upsample("1x1_to_3x5", {1, 1, 1, 4}, 3, 5),
      upsample("same_size", {1, 4, 4, 16}, 4, 4),
      concat("16_16", {2, 8, 8, 16}, 16),
      concat("3_5", {3, 5, 7, 3}, 5),
      concat("320_64", {1, 4, 4, 320}, 64),
      concat("1_1_one_pixel", {5, 1, 1, 1}, 1),
      concat_tokens("257_16", {1, 257, 1, 64}, 16),
      concat_tokens("one_token", {3, 1, 1, 5}, 12),
      concat_tokens("pixels", {2, 3, 5, 7}, 1),
      slice("first_half", {2, 8, 8, 64}, 0, 32),
      slice("second_half", {2, 8, 8, 64}, 32, 32),
      slice("odd", {3, 5, 7, 30}, 3, 5),
      slice("all", {1, 3, 3, 4}, 0, 4),
      slice("last", {1, 15, 20, 8}, 7, 1),
      embedding("77_tokens", 2, 77, {.vocabulary = 50, .positions = 77, .width = 32}),
      embedding("7_tokens_odd_width", 3, 7, {.vocabulary = 1000, .positions = 77, .width = 30}),
      embedding("one_token", 1, 1, {.vocabulary = 3, .positions = 1, .width = 768}),
      timestep("320", 5, {.width = 320}),
      timestep("odd", 2, {.width = 33}),
      timestep("sines_first", 1, {.width = 32, .flip_sin_to_cos = false}),
      timestep("freq_shift_1", 3, {.width = 64, .freq_shift = 1}),
      timestep("odd_sines_first_freq_shift_1", 2,
               {.width = 21, .flip_sin_to_cos = false, .freq_shift = 1}),
  };
  for (const Activation activation : {Activation::relu, Activation::silu, Activation::gelu,
                                      Activation::quick_gelu, Activation::tanh3}) {
    cases.push_back(act(activation, {2, 15, 20, 5}, Residual::input));
    cases.push_back(act(activation, {3, 5, 7, 32}, Residual::dies));
  }
  for (OpCase& op : convert_cases()) cases.push_back(std::move(op));
  return cases;
}

}  // namespace streamdiffusion::backend::test

// The cases of attention in the op table.
#include <algorithm>

#include "backend/op_cases.h"
#include "support/numbers.h"

namespace streamdiffusion::backend::test {
namespace {

using graph::Builder;
using graph::Value;

struct Attend {
  const char* name;
  std::int64_t n = 1, h = 1, w = 1;
  int heads = 1;
  std::int64_t size = 8, keys = 1;
  bool causal = false;
  /// Empty: each row has keys of its own.
  std::vector<int> kv_rows;
  /// Of the inputs.
  double scale = 1;
};

OpCase make(const Attend& a) {
  const bool shared = !a.kv_rows.empty();
  const auto build = [a, shared](Builder& b, Rows rows) {
    const std::int64_t c = a.heads * a.size;
    std::int64_t kv_count = rows.count;
    graph::Attention options{.heads = a.heads, .causal = a.causal, .kv_rows = {}};
    if (shared) {
      const auto first = a.kv_rows.begin() + rows.first;
      options.kv_rows.assign(first, first + rows.count);
      kv_count = 1 + *std::max_element(a.kv_rows.begin(), a.kv_rows.end());
    }
    const Value q = input(b, "q", {rows.count, a.h, a.w, c});
    const Value k = input(b, "k", {kv_count, a.keys, 1, c});
    const Value v = input(b, "v", {kv_count, a.keys, 1, c});
    b.output("y", b.attention(q, k, v, graph::Name("attention"), options));
  };
  OpCase op{.name = std::string("attention_") + a.name, .rows = a.n, .build = build};
  if (shared) op.shared_inputs = {"k", "v"};
  const double scale = a.scale;
  op.fill = [scale](std::string_view name, std::int64_t i) {
    return (name == "v" ? 1.0 : 3 * scale) * uniform(name, i);
  };
  return op;
}

Value three_slots(Builder& b, std::int64_t rows) {
  return b.input("slots", {{rows, 1, 1, 3}, tensor::DType::i32}, graph::Lifetime::per_frame);
}

/// The first call of a stream: nothing to look back at. The other calls: kept_frames_test.cpp.
double first_slot(std::string_view name, std::int64_t i) {
  if (name == "slots") return i % 3 == 0 ? static_cast<double>(i / 3 % 2) : -1;
  return uniform(name, i);
}

OpCase kept(const char* name, const tensor::Shape& shape, int heads) {
  const auto build = [=](Builder& b, Rows rows) {
    const tensor::Shape some{rows.count, shape.h, shape.w, shape.c};
    const Value q = input(b, "q", some), k = input(b, "k", some), v = input(b, "v", some);
    b.output("y", b.attention(q, k, v, three_slots(b, rows.count), graph::Name("attention"),
                              {.heads = heads, .kv_rows = {}, .slots = 2}));
  };
  return {.name = std::string("attention_kept_") + name,
          .rows = shape.n,
          .build = build,
          .fill = first_slot};
}

OpCase inject(const char* name, const tensor::Shape& shape, Residual kind) {
  const auto build = [=](Builder& b, Rows rows) {
    const tensor::Shape some{rows.count, shape.h, shape.w, shape.c};
    const Value x = input(b, "x", some), residual = make_residual(b, kind, some);
    const Value settings = b.input("settings", {{rows.count, 1, 1, 2}, tensor::DType::f32},
                                   graph::Lifetime::per_frame);
    finish(b, kind,
           b.inject_features(x, residual, three_slots(b, rows.count), settings,
                             graph::Name("inject"), {.slots = 2}),
           residual);
  };
  return {.name = std::string("inject_features_") + name,
          .rows = shape.n,
          .build = build,
          .fill = first_slot};
}

const Attend kAttentions[] = {
    {.name = "h1_d8_16_keys", .n = 1, .h = 4, .w = 4, .heads = 1, .size = 8, .keys = 16},
    {.name = "h2_d32_300_keys", .n = 2, .h = 15, .w = 20, .heads = 2, .size = 32, .keys = 300},
    {.name = "h8_d40_77_keys", .n = 1, .h = 8, .w = 8, .heads = 8, .size = 40, .keys = 77},
    {.name = "h5_d64_7_keys", .n = 2, .h = 5, .w = 7, .heads = 5, .size = 64, .keys = 7},
    {.name = "h4_d80_one_key", .n = 2, .h = 3, .w = 5, .heads = 4, .size = 80, .keys = 1},
    {.name = "h2_d160_256_keys", .n = 1, .h = 4, .w = 4, .heads = 2, .size = 160, .keys = 256},
    {.name = "h1_d512_64_keys", .n = 1, .h = 8, .w = 8, .heads = 1, .size = 512, .keys = 64},
    {.name = "h8_d160_77_keys", .n = 2, .h = 2, .w = 2, .heads = 8, .size = 160, .keys = 77},
    {.name = "h1_d64_256_keys", .n = 1, .h = 16, .w = 16, .heads = 1, .size = 64, .keys = 256},
    {.name = "h3_d8_odd", .n = 3, .h = 5, .w = 3, .heads = 3, .size = 8, .keys = 13},
    {.name = "h7_d8", .n = 5, .h = 2, .w = 3, .heads = 7, .size = 8, .keys = 6},
    {.name = "h6_d5_odd_size", .n = 2, .h = 3, .w = 3, .heads = 6, .size = 5, .keys = 9},
    {.name = "one_query", .n = 3, .h = 1, .w = 1, .heads = 2, .size = 32, .keys = 77},
    {.name = "causal_77",
     .n = 1,
     .h = 77,
     .w = 1,
     .heads = 2,
     .size = 32,
     .keys = 77,
     .causal = true},
    {.name = "causal_7", .n = 3, .h = 7, .w = 1, .heads = 8, .size = 64, .keys = 7, .causal = true},
    {.name = "causal_one_token",
     .n = 2,
     .h = 1,
     .w = 1,
     .heads = 4,
     .size = 8,
     .keys = 1,
     .causal = true},
    {.name = "shared_by_all",
     .n = 4,
     .h = 3,
     .w = 4,
     .heads = 2,
     .size = 40,
     .keys = 77,
     .kv_rows = {0, 0, 0, 0}},
    {.name = "shared_mixed",
     .n = 5,
     .h = 5,
     .w = 3,
     .heads = 3,
     .size = 32,
     .keys = 7,
     .kv_rows = {0, 1, 1, 0, 1}},
    {.name = "shared_one_row",
     .n = 1,
     .h = 8,
     .w = 8,
     .heads = 4,
     .size = 64,
     .keys = 77,
     .kv_rows = {1}},
    {.name = "2500_keys", .n = 1, .h = 3, .w = 11, .heads = 2, .size = 16, .keys = 2500},
    {.name = "peaked_4096_keys",
     .n = 2,
     .h = 5,
     .w = 2,
     .heads = 1,
     .size = 64,
     .keys = 4096,
     .scale = 2},
    {.name = "causal_1500",
     .n = 1,
     .h = 1500,
     .w = 1,
     .heads = 1,
     .size = 8,
     .keys = 1500,
     .causal = true},
    {.name = "peaked", .n = 1, .h = 8, .w = 8, .heads = 2, .size = 32, .keys = 77, .scale = 4},
};

}  // namespace

std::vector<OpCase> attention_cases() {
  std::vector<OpCase> cases;
  for (const Attend& attend : kAttentions) cases.push_back(make(attend));
  cases.push_back(kept("two_rows", {2, 5, 7, 24}, 3));
  cases.push_back(kept("one_token", {3, 1, 1, 16}, 2));
  cases.push_back(kept("300_tokens", {1, 15, 20, 80}, 2));
  cases.push_back(inject("dies", {2, 5, 7, 24}, Residual::dies));
  cases.push_back(inject("lives_on", {3, 1, 1, 5}, Residual::lives_on));
  cases.push_back(inject("output", {1, 15, 20, 40}, Residual::output));
  cases.push_back(inject("input", {2, 3, 3, 8}, Residual::input));
  return cases;
}

}  // namespace streamdiffusion::backend::test

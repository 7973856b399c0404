// The cases of norms in the op table.
#include "backend/op_cases.h"
#include "support/numbers.h"

namespace streamdiffusion::backend::test {
namespace {

using graph::Builder;
using graph::GroupNorm;
using graph::Value;
using tensor::Shape;

OpCase group_norm(const char* name, Shape shape, GroupNorm options, std::int64_t second = 0) {
  const auto build = [=](Builder& b, Rows rows) {
    const Value x = input(b, "x", {rows.count, shape.h, shape.w, shape.c});
    if (second == 0) return b.output("y", b.group_norm(x, graph::Name("norm"), options));
    const Value other = input(b, "second", {rows.count, shape.h, shape.w, second});
    b.output("y", b.group_norm(x, other, graph::Name("norm"), options));
  };
  return {.name = std::string("group_norm_") + name, .rows = shape.n, .build = build};
}

OpCase layer_norm(const char* name, Shape shape, float eps = 1e-5F) {
  const auto build = [=](Builder& b, Rows rows) {
    const Value x = input(b, "x", {rows.count, shape.h, shape.w, shape.c});
    b.output("y", b.layer_norm(x, graph::Name("norm"), {.eps = eps}));
  };
  return {.name = std::string("layer_norm_") + name, .rows = shape.n, .build = build};
}

/// The same with inputs far from 0, where a variance taken as E[x^2] - E[x]^2 loses its digits.
OpCase far_from_zero(OpCase op) {
  op.name += "_far_from_zero";
  op.fill = [](std::string_view name, std::int64_t i) { return 30.0 + uniform(name, i); };
  op.f32_tolerance = 1e-4;
  return op;
}

}  // namespace

std::vector<OpCase> norm_cases() {
  // One element a group: what is left of x - mean is rounding, times 1 / sqrt(eps).
  OpCase one_element = group_norm("c32_one_pixel_one_channel", {1, 1, 1, 32}, {});
  one_element.f32_tolerance = 1e-4;
  return {
      one_element,
      group_norm("c32", {2, 8, 8, 32}, {}),
      group_norm("c64_silu", {2, 15, 20, 64}, {.silu = true}),
      group_norm("c64_eps6", {1, 8, 8, 64}, {.eps = 1e-6F}),
      group_norm("c320_silu", {1, 4, 6, 320}, {.silu = true}),
      group_norm("c30_g5", {3, 5, 7, 30}, {.groups = 5, .eps = 1e-6F}),
      group_norm("c30_g5_silu", {1, 67, 5, 30}, {.groups = 5, .silu = true}),
      group_norm("c7_g7", {2, 3, 3, 7}, {.groups = 7}),
      group_norm("c48_g1", {1, 5, 5, 48}, {.groups = 1}),
      group_norm("c64_one_pixel", {2, 1, 1, 64}, {.silu = true}),
      group_norm("five_rows", {5, 6, 6, 32}, {.groups = 8, .silu = true}),
      group_norm("two_32_32", {2, 8, 8, 32}, {.silu = true}, 32),
      group_norm("two_32_64_straddling", {1, 15, 20, 32}, {.silu = true}, 64),
      group_norm("two_320_64", {2, 4, 4, 320}, {.silu = true}, 64),
      group_norm("two_64_320", {1, 4, 4, 64}, {.eps = 1e-6F}, 320),
      group_norm("two_6_9_g5", {3, 5, 7, 6}, {.groups = 5}, 9),
      group_norm("two_7_3_g2_straddling", {2, 3, 5, 7}, {.groups = 2, .silu = true}, 3),
      far_from_zero(group_norm("c64", {1, 8, 8, 64}, {.silu = true})),
      far_from_zero(group_norm("two_32_64", {1, 8, 8, 32}, {}, 64)),
      layer_norm("c320", {2, 5, 7, 320}),
      layer_norm("c64_77_tokens", {2, 77, 1, 64}),
      layer_norm("c30_odd", {3, 15, 20, 30}),
      layer_norm("c5", {1, 1, 1, 5}),
      layer_norm("c1", {2, 3, 1, 1}),
      layer_norm("c768_eps12", {1, 7, 1, 768}, 1e-12F),
      layer_norm("five_rows", {5, 3, 3, 16}),
      far_from_zero(layer_norm("c320", {1, 4, 4, 320})),
  };
}

}  // namespace streamdiffusion::backend::test

// The cases of linear layers in the op table.
#include "backend/op_cases.h"

namespace streamdiffusion::backend::test {
namespace {

using graph::Activation;
using graph::Builder;
using graph::Value;
using tensor::Shape;

struct Dense {
  const char* name;
  Shape x;
  graph::LinearOptions options;
  Residual residual = Residual::none;
};

OpCase make(const Dense& dense) {
  const auto build = [dense](Builder& b, Rows rows) {
    const Value x = input(b, "x", {rows.count, dense.x.h, dense.x.w, dense.x.c});
    graph::LinearOptions options = dense.options;
    options.residual =
        make_residual(b, dense.residual, {rows.count, dense.x.h, dense.x.w, options.out});
    finish(b, dense.residual, b.linear(x, graph::Name("linear"), options), options.residual);
  };
  return {.name = std::string("linear_") + dense.name, .rows = dense.x.n, .build = build};
}

OpCase geglu(const char* name, Shape shape, std::int64_t out) {
  const auto build = [shape, out](Builder& b, Rows rows) {
    const Value x = input(b, "x", {rows.count, shape.h, shape.w, shape.c});
    b.output("y", b.geglu_linear(x, graph::Name("proj"), out));
  };
  return {.name = std::string("geglu_") + name, .rows = shape.n, .build = build};
}

}  // namespace

std::vector<OpCase> linear_cases() {
  const std::vector<Dense> table = {
      {"c64_o64", {2, 15, 20, 64}, {.out = 64}},
      {"c320_o320", {1, 5, 7, 320}, {.out = 320}},
      {"c30_o17_odd", {3, 7, 1, 30}, {.out = 17}},
      {"c4_o4", {1, 8, 8, 4}, {.out = 4}},
      {"c1_o1", {2, 3, 1, 1}, {.out = 1}},
      {"c768_o64_77_tokens", {2, 77, 1, 768}, {.out = 64, .bias = false}},
      {"c32_o1280_one_token", {1, 1, 1, 32}, {.out = 1280, .act = Activation::silu}},
      {"c320_o64_one_token_five_rows", {5, 1, 1, 320}, {.out = 64}},
      {"c1280_o32", {2, 4, 4, 1280}, {.out = 32}},
      {"no_bias", {2, 8, 8, 32}, {.out = 96, .bias = false}},
      {"relu", {1, 8, 8, 32}, {.out = 32, .act = Activation::relu}},
      {"gelu", {2, 77, 1, 32}, {.out = 64, .act = Activation::gelu}},
      {"quick_gelu", {2, 77, 1, 32}, {.out = 64, .act = Activation::quick_gelu}},
      {"no_bias_silu", {1, 7, 1, 30}, {.out = 30, .bias = false, .act = Activation::silu}},
      {"conv_weight", {2, 5, 7, 32}, {.out = 48, .conv_weight = true}},
      {"conv_weight_residual_dies",
       {1, 15, 20, 64},
       {.out = 64, .conv_weight = true},
       Residual::dies},
      {"extra_bias_f32", {3, 1, 1, 64}, {.out = 96, .extra_bias = "conv.bias", .f32_output = true}},
      {"extra_bias", {2, 5, 1, 16}, {.out = 24, .extra_bias = "conv.bias"}},
      {"extra_bias_alone", {2, 5, 1, 16}, {.out = 24, .bias = false, .extra_bias = "conv.bias"}},
      {"f32_output", {2, 7, 1, 30}, {.out = 20, .f32_output = true}},
      {"f32_output_silu_no_bias",
       {2, 1, 1, 32},
       {.out = 64, .bias = false, .act = Activation::silu, .f32_output = true}},
      {"residual_input", {2, 8, 8, 32}, {.out = 32}, Residual::input},
      {"residual_dies", {2, 15, 20, 64}, {.out = 64}, Residual::dies},
      {"residual_lives_on", {1, 8, 8, 64}, {.out = 64}, Residual::lives_on},
      {"residual_output", {2, 8, 8, 32}, {.out = 32}, Residual::output},
      {"residual_dies_no_bias", {1, 7, 1, 32}, {.out = 32, .bias = false}, Residual::dies},
      {"residual_dies_gelu", {2, 7, 1, 32}, {.out = 32, .act = Activation::gelu}, Residual::dies},
      {"residual_input_relu", {3, 5, 7, 16}, {.out = 16, .act = Activation::relu}, Residual::input},
      {"residual_dies_odd", {5, 3, 1, 9}, {.out = 17}, Residual::dies},
  };
  std::vector<OpCase> cases;
  for (const Dense& dense : table) cases.push_back(make(dense));
  cases.push_back(geglu("c32_o128", {2, 8, 8, 32}, 128));
  cases.push_back(geglu("c64_o256", {1, 5, 7, 64}, 256));
  cases.push_back(geglu("c30_o17_odd", {3, 7, 1, 30}, 17));
  cases.push_back(geglu("c320_o40_one_token", {1, 1, 1, 320}, 40));
  cases.push_back(geglu("five_rows", {5, 3, 5, 16}, 64));
  return cases;
}

}  // namespace streamdiffusion::backend::test

// The cases of convolutions in the op table.
#include <utility>

#include "backend/op_cases.h"

namespace streamdiffusion::backend::test {
namespace {

using graph::Activation;
using graph::Builder;
using graph::Value;
using tensor::Shape;

struct Conv {
  const char* name;
  Shape x;
  graph::ConvOptions options;
  Residual residual = Residual::none;
  bool row_bias = false;
};

OpCase make(const Conv& conv) {
  const auto build = [conv](Builder& b, Rows rows) {
    const Value x = input(b, "x", {rows.count, conv.x.h, conv.x.w, conv.x.c});
    graph::ConvOptions options = conv.options;
    if (conv.row_bias) {
      const tensor::Desc desc{{rows.count, 1, 1, options.out}, tensor::DType::f32};
      options.row_bias = b.input("row_bias", desc, graph::Lifetime::per_schedule);
    }
    const int pad = options.pad_begin.value_or(options.kernel / 2) +
                    options.pad_end.value_or(options.kernel / 2);
    const std::int64_t times = options.upsample2x ? 2 : 1;
    const Shape shape{rows.count, (conv.x.h * times + pad - options.kernel) / options.stride + 1,
                      (conv.x.w * times + pad - options.kernel) / options.stride + 1, options.out};
    options.residual = make_residual(b, conv.residual, shape);
    finish(b, conv.residual, b.conv2d(x, graph::Name("conv"), options), options.residual);
  };
  return {.name = std::string("conv2d_") + conv.name, .rows = conv.x.n, .build = build};
}

const Conv kConvs[] = {
    {"k3_c3_o16", {1, 15, 20, 3}, {.out = 16}},
    {"k3_c4_o32_relu", {2, 8, 8, 4}, {.out = 32, .act = Activation::relu}},
    {"k3_c16_o16_silu", {1, 15, 20, 16}, {.out = 16, .act = Activation::silu}},
    {"k3_c16_o16_gelu", {1, 5, 7, 16}, {.out = 16, .act = Activation::gelu}},
    {"k3_c16_o16_quick_gelu", {1, 5, 7, 16}, {.out = 16, .act = Activation::quick_gelu}},
    {"k3_c32_o3", {2, 9, 12, 32}, {.out = 3}},
    {"k3_c32_o4", {3, 7, 5, 32}, {.out = 4}},
    {"k3_c64_o64_wide", {1, 16, 24, 64}, {.out = 64, .act = Activation::relu}},
    {"k3_c64_o320", {1, 4, 6, 64}, {.out = 320}},
    {"k3_c320_o64", {2, 5, 7, 320}, {.out = 64}},
    {"k3_c64_o72_tall", {2, 41, 9, 64}, {.out = 72}},
    {"k3_c68_o64", {1, 19, 6, 68}, {.out = 64}},
    {"k3_c64_s2_tall", {2, 39, 10, 64}, {.out = 64, .stride = 2, .pad_begin = 0, .pad_end = 1}},
    {"k3_c64_row_bias", {3, 18, 7, 64}, {.out = 80, .bias = false}, Residual::none, true},
    {"k3_c64_residual_dies_relu",
     {2, 35, 6, 64},
     {.out = 64, .act = Activation::relu},
     Residual::dies},
    {"k3_c96_residual_lives_on", {1, 21, 5, 96}, {.out = 64}, Residual::lives_on},
    {"k3_c64_row_bias_residual_input",
     {2, 17, 5, 64},
     {.out = 64, .bias = false},
     Residual::input,
     true},
    {"k3_c64_many_tiles", {1, 33, 30, 64}, {.out = 64, .act = Activation::relu}},
    {"k3_c64_blocks_of_tiles", {3, 61, 64, 64}, {.out = 64, .bias = false}},
    {"k3_c80_many_tiles_residual_dies_relu",
     {2, 32, 32, 80},
     {.out = 80, .act = Activation::relu},
     Residual::dies},
    {"k3_c64_many_tiles_residual_lives_on", {1, 30, 35, 64}, {.out = 96}, Residual::lives_on},
    {"k3_c64_many_tiles_row_bias_residual_input",
     {2, 32, 29, 64},
     {.out = 80, .bias = false},
     Residual::input,
     true},
    {"k3_c128_small_tiles", {1, 17, 16, 128}, {.out = 144, .act = Activation::silu}},
    {"k3_c160_small_tiles_residual_dies", {2, 16, 16, 160}, {.out = 160}, Residual::dies},
    {"k3_c320_small_tiles_row_bias_residual_input",
     {2, 15, 17, 320},
     {.out = 320, .bias = false},
     Residual::input,
     true},
    {"k3_c1344_in_parts", {1, 9, 6, 1344}, {.out = 64, .act = Activation::silu}},
    {"k3_c1920_in_parts_row_bias_residual_input",
     {2, 5, 4, 1920},
     {.out = 48, .bias = false},
     Residual::input,
     true},
    {"k3_c2560_in_parts_residual_dies", {1, 4, 4, 2560}, {.out = 80}, Residual::dies},
    {"k3_c5_o7_odd_channels", {2, 6, 5, 5}, {.out = 7}},
    {"k3_c1_o1", {1, 3, 3, 1}, {.out = 1}},
    {"k3_tall_67x5", {1, 67, 5, 16}, {.out = 32}},
    {"k3_one_pixel", {2, 1, 1, 16}, {.out = 16}},
    {"k3_one_line", {1, 1, 33, 16}, {.out = 16}},
    {"k3_five_rows", {5, 6, 6, 16}, {.out = 32}},
    {"k3_no_bias", {2, 8, 8, 32}, {.out = 32, .bias = false}},
    {"k3_no_bias_relu", {1, 8, 8, 32}, {.out = 32, .bias = false, .act = Activation::relu}},
    {"k3_no_padding", {1, 7, 6, 16}, {.out = 16, .pad_begin = 0, .pad_end = 0}},
    {"k3_c3_o35_wide", {2, 7, 50, 3}, {.out = 35}},
    {"k3_c3_o64_one_line", {1, 1, 13, 3}, {.out = 64, .bias = false}},
    {"k3_c4_o320", {1, 8, 9, 4}, {.out = 320}},
    {"k3_c320_o4", {2, 8, 9, 320}, {.out = 4}},
    {"k3_c64_o3_one_pixel", {1, 1, 1, 64}, {.out = 3, .bias = false}},
    {"k3_c16_o1", {2, 5, 11, 16}, {.out = 1}},
    {"k3_c48_o2", {1, 6, 5, 48}, {.out = 2}},
    {"upsample2x", {2, 8, 8, 32}, {.out = 32, .bias = false, .upsample2x = true}},
    {"upsample2x_bias", {1, 15, 20, 16}, {.out = 48, .upsample2x = true}},
    {"upsample2x_relu", {3, 5, 7, 16}, {.out = 16, .upsample2x = true, .act = Activation::relu}},
    {"upsample2x_one_pixel", {2, 1, 1, 16}, {.out = 16, .upsample2x = true}},
    {"upsample2x_one_line", {1, 1, 9, 16}, {.out = 32, .upsample2x = true}},
    {"upsample2x_tall_67x5", {1, 67, 5, 16}, {.out = 16, .upsample2x = true}},
    {"upsample2x_in_pieces", {1, 24, 96, 16}, {.out = 64, .bias = false, .upsample2x = true}},
    {"upsample2x_c320", {2, 4, 6, 320}, {.out = 320, .upsample2x = true}},
    {"upsample2x_c128_many_tiles",
     {2, 16, 17, 128},
     {.out = 128, .upsample2x = true, .act = Activation::silu}},
    {"upsample2x_odd_channels", {2, 6, 5, 5}, {.out = 7, .upsample2x = true}},
    {"k5", {1, 9, 11, 8}, {.out = 16, .kernel = 5}},
    {"k3_s2", {2, 16, 16, 32}, {.out = 32, .stride = 2}},
    {"k3_s2_odd", {1, 15, 21, 16}, {.out = 32, .stride = 2}},
    {"k3_s2_tall_67x5", {1, 67, 5, 16}, {.out = 16, .stride = 2}},
    {"k3_s2_asymmetric", {2, 16, 16, 32}, {.out = 32, .stride = 2, .pad_begin = 0, .pad_end = 1}},
    {"k3_s2_asymmetric_odd",
     {1, 15, 20, 16},
     {.out = 16, .stride = 2, .pad_begin = 0, .pad_end = 1}},
    {"k3_s2_no_bias_relu",
     {1, 16, 16, 32},
     {.out = 32, .stride = 2, .bias = false, .act = Activation::relu}},
    {"k3_s2_residual_input", {2, 15, 20, 16}, {.out = 32, .stride = 2}, Residual::input},
    {"k1_c320_o320", {1, 5, 7, 320}, {.out = 320, .kernel = 1}},
    {"k1_c30_o17", {3, 5, 7, 30}, {.out = 17, .kernel = 1}},
    {"k1_c4_o4_one_pixel", {1, 1, 1, 4}, {.out = 4, .kernel = 1}},
    {"k1_s2", {1, 15, 20, 16}, {.out = 32, .kernel = 1, .stride = 2}},
    {"k1_no_bias_silu",
     {2, 15, 20, 32},
     {.out = 64, .kernel = 1, .bias = false, .act = Activation::silu}},
    {"k1_residual_dies", {2, 8, 8, 32}, {.out = 32, .kernel = 1}, Residual::dies},
    {"k1_row_bias", {3, 5, 7, 16}, {.out = 32, .kernel = 1, .bias = false}, Residual::none, true},
    {"row_bias", {2, 8, 8, 32}, {.out = 64, .bias = false}, Residual::none, true},
    {"row_bias_odd", {5, 5, 7, 6}, {.out = 10, .bias = false}, Residual::none, true},
    {"row_bias_silu",
     {3, 8, 8, 16},
     {.out = 16, .bias = false, .act = Activation::silu},
     Residual::none,
     true},
    {"row_bias_s2", {2, 15, 20, 16}, {.out = 16, .stride = 2, .bias = false}, Residual::none, true},
    {"row_bias_residual_dies", {2, 8, 8, 32}, {.out = 32, .bias = false}, Residual::dies, true},
    {"row_bias_residual_input_relu",
     {2, 5, 7, 16},
     {.out = 16, .bias = false, .act = Activation::relu},
     Residual::input,
     true},
    {"residual_input", {2, 8, 8, 32}, {.out = 32}, Residual::input},
    {"residual_dies", {2, 15, 20, 32}, {.out = 32}, Residual::dies},
    {"residual_lives_on", {1, 8, 8, 64}, {.out = 64}, Residual::lives_on},
    {"residual_output", {2, 8, 8, 32}, {.out = 32}, Residual::output},
    {"residual_input_relu", {2, 8, 8, 32}, {.out = 32, .act = Activation::relu}, Residual::input},
    {"residual_dies_relu", {1, 16, 16, 32}, {.out = 32, .act = Activation::relu}, Residual::dies},
    {"residual_dies_silu", {3, 5, 7, 16}, {.out = 16, .act = Activation::silu}, Residual::dies},
    {"residual_lives_on_gelu",
     {1, 8, 8, 16},
     {.out = 16, .act = Activation::gelu},
     Residual::lives_on},
    {"residual_dies_no_bias", {1, 8, 8, 32}, {.out = 32, .bias = false}, Residual::dies},
    {"residual_dies_odd", {2, 5, 7, 5}, {.out = 7}, Residual::dies},
    {"residual_dies_c320", {1, 4, 5, 320}, {.out = 320, .kernel = 1}, Residual::dies},
};

}  // namespace

std::vector<OpCase> conv_cases() {
  std::vector<OpCase> cases;
  for (const Conv& conv : kConvs) cases.push_back(make(conv));
  return cases;
}

}  // namespace streamdiffusion::backend::test

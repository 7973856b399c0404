// The numbers come from `python tools/goldens/hash_weights.py`.
#include "weights/hash_weights.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>

#include "support/errors.h"

namespace streamdiffusion::weights {
namespace {

std::vector<float> values_of(const char* name, std::vector<std::int64_t> dims) {
  std::int64_t elements = 1;
  for (const auto d : dims) elements *= d;
  std::vector<float> out(static_cast<std::size_t>(elements));
  HashWeights().read_f32(name, dims, out);
  return out;
}

struct Vector {
  const char* name;
  std::vector<std::int64_t> dims;
  std::vector<float> first;
  std::uint64_t sum_of_bits;
};

TEST(HashWeights, EqualThePythonOnesBitForBit) {
  const std::vector<Vector> table{
      {"conv_in.weight",
       {4, 3, 3, 3},
       {0x1.851eccp-5F, 0x1.05a458p-2F, -0x1.17dfap-2F, -0x1.0de8dep-3F},
       0x38aa41211b},
      {"conv_in.bias",
       {4},
       {-0x1.082c42p-5F, 0x1.b44b02p-5F, -0x1.27ed7ep-5F, -0x1.29c51p-8F},
       0x2730714e9},
      {"norm.weight",
       {4},
       {0x1.e1a846p-1F, 0x1.c371f2p-1F, 0x1.0483720000000p+0F, 0x1.e89e58p-1F},
       0xfdc91e01},
      {"text_model.embeddings.token_embedding.weight",
       {2, 7},
       {-0x1.4ac9fep-1F, 0x1.0e4d46p-1F, -0x1.8dec46p-2F, 0x1.caec42p-2F},
       0x670c1c344}};
  for (const Vector& row : table) {
    const auto values = values_of(row.name, row.dims);
    std::uint64_t sum = 0;
    for (const float v : values) sum += std::bit_cast<std::uint32_t>(v);
    EXPECT_EQ(std::vector(values.begin(), values.begin() + 4), row.first) << row.name;
    EXPECT_EQ(sum, row.sum_of_bits) << row.name;
  }
}

TEST(HashWeights, BothSpellingsOfATextModelAreTheSame) {
  EXPECT_EQ(values_of("text_model.final_layer_norm.weight", {8}),
            values_of("final_layer_norm.weight", {8}));
}

TEST(HashWeights, MatricesKeepTheVarianceOfTheirInput) {
  double sum = 0;
  const auto values = values_of("linear.weight", {64, 256});
  for (const float v : values) sum += double{v} * v;
  EXPECT_NEAR(sum / static_cast<double>(values.size()) * 256, 1.0, 0.03);
}

TEST(HashWeights, ANameUsedTwiceIsADefect) {
  const std::vector<TensorSpec> specs{{"a", {1}}, {"a", {1}}};
  testing::expect_error([&] { HashWeights().check(specs); }, base::ErrorCode::internal,
                        {"\"a\"", "twice"});
}

}  // namespace
}  // namespace streamdiffusion::weights

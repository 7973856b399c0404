// The reference against results worked out by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "backend/small_graph.h"
#include "base/error.h"
#include "support/numbers.h"

namespace streamdiffusion::backend::test {
namespace {

using graph::Activation;
using graph::Builder;
using graph::Name;
using graph::Value;
using tensor::DType;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pointwise;

::testing::Matcher<const Numbers&> near(const Numbers& expected, float tolerance = 1e-6F) {
  return Pointwise(::testing::FloatNear(tolerance), expected);
}

Numbers counting(int count) {
  Numbers numbers(static_cast<std::size_t>(count));
  std::iota(numbers.begin(), numbers.end(), 1.0F);
  return numbers;
}

/// A convolution of one channel to one.
Numbers conv(tensor::Shape shape, const graph::ConvOptions& options, Numbers x, Numbers kernel) {
  return evaluate(
      {.build =
           [&](Builder& b) { return b.conv2d(frame_input(b, "x", shape), Name("c"), options); },
       .inputs = {{"x", std::move(x)}},
       .weights = {{"c.weight", std::move(kernel)}}});
}

TEST(RefConv2d, KernelOfOneTapMovesTheImage) {
  const Numbers right_neighbor = {0, 0, 0, 0, 0, 1, 0, 0, 0};
  const Numbers lower_neighbor = {0, 0, 0, 0, 0, 0, 0, 1, 0};
  const graph::ConvOptions options{.out = 1, .bias = false};
  EXPECT_THAT(conv({1, 2, 3, 1}, options, counting(6), right_neighbor),
              ElementsAre(2, 3, 0, 5, 6, 0));
  EXPECT_THAT(conv({1, 2, 3, 1}, options, counting(6), lower_neighbor),
              ElementsAre(4, 5, 6, 0, 0, 0));
}

TEST(RefConv2d, PaddingIsZeros) {
  EXPECT_THAT(conv({1, 3, 3, 1}, {.out = 1, .bias = false}, Numbers(9, 1.0F), Numbers(9, 1.0F)),
              ElementsAre(4, 6, 4, 6, 9, 6, 4, 6, 4));
}

TEST(RefConv2d, AsymmetricPaddingStartsAtTheFirstPixel) {
  const Numbers center = {0, 0, 0, 0, 1, 0, 0, 0, 0};
  EXPECT_THAT(
      conv({1, 4, 4, 1}, {.out = 1, .stride = 2, .pad_begin = 0, .pad_end = 1, .bias = false},
           counting(16), center),
      ElementsAre(6, 8, 14, 16));
  EXPECT_THAT(conv({1, 4, 4, 1}, {.out = 1, .stride = 2, .bias = false}, counting(16), center),
              ElementsAre(1, 3, 9, 11));
}

TEST(RefConv2d, WeightsAreOutInHeightWidth) {
  const Numbers y = evaluate(
      {.build =
           [](Builder& b) {
             return b.conv2d(frame_input(b, "x", {1, 1, 1, 2}), Name("c"), {.out = 3, .kernel = 1});
           },
       .inputs = {{"x", {10, 1}}},
       .weights = {{"c.weight", {1, 2, 3, 4, 5, 6}}, {"c.bias", {100, 200, 300}}}});
  EXPECT_THAT(y, ElementsAre(112, 234, 356));
}

TEST(RefConv2d, RowBiasIsOfItsRowAndTheActivationComesLast) {
  const auto build = [](Builder& b) {
    return b.conv2d(frame_input(b, "x", {2, 1, 2, 1}), Name("c"),
                    {.out = 1,
                     .kernel = 1,
                     .bias = false,
                     .row_bias = frame_input(b, "row_bias", {2, 1, 1, 1}),
                     .residual = frame_input(b, "residual", {2, 1, 2, 1}),
                     .act = Activation::relu});
  };
  const Numbers y = evaluate(
      {.build = build,
       .inputs = {{"x", {1, 2, 3, 4}}, {"row_bias", {10, -10}}, {"residual", {-12, 5, 9, -9}}},
       .weights = {{"c.weight", {1}}}});
  EXPECT_THAT(y, ElementsAre(0, 17, 2, 0));
}

TEST(RefConv2d, DoubledIsTheSameOfAImageTwiceTheSize) {
  const Numbers x = counting(6), kernel = {1, 20, 300, 4, 50, 600, 7, 80, 900};
  const auto enlarged_first = [](Builder& b) {
    const Value large = b.upsample_nearest(frame_input(b, "x", {1, 2, 3, 1}), 4, 6);
    return b.conv2d(large, Name("c"), {.out = 1, .bias = false});
  };
  const Numbers expected =
      evaluate({.build = enlarged_first, .inputs = {{"x", x}}, .weights = {{"c.weight", kernel}}});
  EXPECT_THAT(conv({1, 2, 3, 1}, {.out = 1, .bias = false, .upsample2x = true}, x, kernel),
              Pointwise(::testing::Eq(), expected));
}

TEST(RefLinear, AddsBothBiasesAndTheResidualBeforeTheActivation) {
  const auto build = [](Builder& b) {
    const Value x = frame_input(b, "x", {1, 2, 1, 2});
    return b.linear(x, Name("l"),
                    {.out = 2,
                     .extra_bias = "other.bias",
                     .residual = frame_input(b, "residual", {1, 2, 1, 2}),
                     .act = Activation::relu});
  };
  const Numbers y = evaluate(
      {.build = build,
       .inputs = {{"x", {1, 0, 0, 1}}, {"residual", {0, 0, 0, -1000}}},
       .weights = {{"l.weight", {1, 2, 3, 4}}, {"l.bias", {10, 20}}, {"other.bias", {100, 200}}}});
  EXPECT_THAT(y, ElementsAre(111, 223, 112, 0));
}

TEST(RefGegluLinear, FirstHalfIsTheValueSecondTheGate) {
  const auto build = [](Builder& b) {
    return b.geglu_linear(frame_input(b, "x", {1, 1, 1, 1}), Name("g"), 2);
  };
  const Numbers y = evaluate({.build = build,
                              .inputs = {{"x", {1}}},
                              .weights = {{"g.weight", {3, 5, 0, 1}}, {"g.bias", {0, 0, 40, 0}}}});
  EXPECT_THAT(y, near({120, 5 * 0.84134475F}, 1e-5F));  // gelu(40) = 40, gelu(1) = Phi(1)
}

TEST(RefGroupNorm, EachGroupOfARowHasMeanZeroAndVarianceOne) {
  const auto build = [](Builder& b) {
    return b.group_norm(frame_input(b, "x", {2, 5, 3, 6}), Name("n"), {.groups = 3, .eps = 0});
  };
  Numbers x(2 * 5 * 3 * 6);
  for (std::size_t i = 0; i < x.size(); ++i)
    x[i] = static_cast<float>(5 + uniform("x", static_cast<std::int64_t>(i)));
  const Numbers y = evaluate({.build = build,
                              .inputs = {{"x", x}},
                              .weights = {{"n.weight", Numbers(6, 1)}, {"n.bias", Numbers(6, 0)}}});
  for (std::size_t row = 0; row < 2; ++row) {
    for (std::size_t group = 0; group < 3; ++group) {
      double sum = 0, squares = 0;
      for (std::size_t token = 0; token < 15; ++token) {
        for (std::size_t c = 2 * group; c < 2 * group + 2; ++c) {
          const double value = y[(row * 15 + token) * 6 + c];
          sum += value;
          squares += value * value;
        }
      }
      EXPECT_NEAR(sum / 30, 0, 1e-6);
      EXPECT_NEAR(squares / 30, 1, 1e-6);
    }
  }
}

TEST(RefGroupNorm, TwoInputsAreOneWithChannelsSideBySide) {
  const auto norm = [](bool concatenated) {
    const auto build = [=](Builder& b) {
      const Value x = frame_input(b, "x", {1, 2, 1, 4}),
                  second = frame_input(b, "second", {1, 2, 1, 2});
      const graph::GroupNorm options{.groups = 2, .silu = true};
      return concatenated ? b.group_norm(b.concat_channels(x, second), Name("n"), options)
                          : b.group_norm(x, second, Name("n"), options);
    };
    return evaluate({.build = build,
                     .inputs = {{"x", {1, 2, 3, 5, 8, 13, 21, 34}}, {"second", {-1, -2, 7, 0}}},
                     .weights = {{"n.weight", counting(6)}, {"n.bias", {6, 5, 4, 3, 2, 1}}}});
  };
  EXPECT_EQ(norm(false), norm(true));
}

TEST(RefGroupNorm, SiluFollowsWeightAndBias) {
  const auto build = [](Builder& b) {
    return b.group_norm(frame_input(b, "x", {1, 2, 1, 1}), Name("n"),
                        {.groups = 1, .eps = 0, .silu = true});
  };
  const Numbers y = evaluate(
      {.build = build, .inputs = {{"x", {3, 7}}}, .weights = {{"n.weight", {2}}, {"n.bias", {1}}}});
  EXPECT_THAT(
      y, near({-1 / (1 + std::exp(1.0F)), 3 / (1 + std::exp(-3.0F))}));  // -1 and 3 before the SiLU
}

TEST(RefLayerNorm, NormalizesEachToken) {
  const auto build = [](Builder& b) {
    return b.layer_norm(frame_input(b, "x", {1, 2, 1, 2}), Name("n"), {.eps = 3});
  };
  const Numbers y = evaluate({.build = build,
                              .inputs = {{"x", {4, 6, -10, -10}}},
                              .weights = {{"n.weight", {10, 20}}, {"n.bias", {1, 2}}}});
  EXPECT_THAT(y, near({1 - 5, 2 + 10, 1, 2}));  // variance 1, so 1 / sqrt(1 + 3) = 1/2
}

Numbers attend(tensor::Shape q, tensor::Shape k, graph::Attention options, NamedNumbers inputs) {
  const auto build = [&](Builder& b) {
    return b.attention(frame_input(b, "q", q), frame_input(b, "k", k), frame_input(b, "v", k),
                       Name("a"), options);
  };
  return evaluate({.build = build, .inputs = std::move(inputs), .weights = {}});
}

TEST(RefAttention, OneKeyGivesItsValue) {
  EXPECT_THAT(attend({1, 2, 1, 2}, {1, 1, 1, 2}, {.heads = 1},
                     {{"q", {1, 2, -3, 4}}, {"k", {5, 6}}, {"v", {7, 8}}}),
              ElementsAre(7, 8, 7, 8));
}

TEST(RefAttention, WeightsAreTheSoftmaxOfScaledProducts) {
  const float a = std::exp(2.0F * 3 / std::sqrt(4.0F)), b = std::exp(2.0F * 1 / std::sqrt(4.0F));
  const float expected = (10 * a + 20 * b) / (a + b);
  const Numbers y = attend(
      {1, 1, 1, 4}, {1, 2, 1, 4}, {.heads = 1},
      {{"q", {2, 0, 0, 0}}, {"k", {3, 0, 0, 0, 1, 0, 0, 0}}, {"v", {10, 0, 0, 0, 20, 0, 0, 0}}});
  EXPECT_THAT(y, near({expected, 0, 0, 0}, 1e-5F));
}

TEST(RefAttention, HeadsAreNeighboringChannelsAndDoNotMix) {
  // Head 0 is sure of key 0, head 1 of key 1.
  const Numbers y = attend({1, 1, 1, 2}, {1, 2, 1, 2}, {.heads = 2},
                           {{"q", {1, 1}}, {"k", {500, 0, 0, 500}}, {"v", {1, 2, 3, 4}}});
  EXPECT_THAT(y, ElementsAre(1, 4));
}

TEST(RefAttention, CausalTokenSeesNoLaterKey) {
  const Numbers y = attend({1, 3, 1, 1}, {1, 3, 1, 1}, {.heads = 1, .causal = true},
                           {{"q", {0, 0, 0}}, {"k", {1, 2, 3}}, {"v", {6, 12, 30}}});
  EXPECT_THAT(y, near({6, 9, 16}));
}

TEST(RefAttention, RowsReadTheKeysTheyAreGiven) {
  const Numbers y = attend({3, 1, 1, 1}, {2, 1, 1, 1}, {.heads = 1, .kv_rows = {1, 0, 1}},
                           {{"q", {1, 1, 1}}, {"k", {1, 1}}, {"v", {5, 9}}});
  EXPECT_THAT(y, ElementsAre(9, 5, 9));
}

TEST(RefAttention, LargeProductsDoNotOverflow) {
  const Numbers y = attend({1, 1, 1, 1}, {1, 2, 1, 1}, {.heads = 1},
                           {{"q", {1e4}}, {"k", {1e4, 1e4}}, {"v", {2, 4}}});
  EXPECT_THAT(y, ElementsAre(3));
}

Numbers act(Activation activation, Numbers x) {
  const tensor::Shape shape{1, 1, 1, static_cast<std::int64_t>(x.size())};
  return evaluate(
      {.build = [&](Builder& b) { return b.act(frame_input(b, "x", shape), activation); },
       .inputs = {{"x", std::move(x)}},
       .weights = {}});
}

TEST(RefAct, KnownValues) {
  EXPECT_THAT(act(Activation::relu, {-1, 0, 2}), ElementsAre(0, 0, 2));
  EXPECT_THAT(act(Activation::silu, {0, 1, -100}), near({0, 0.7310586F, 0}));
  EXPECT_THAT(act(Activation::gelu, {1, -1}), near({0.8413447F, -0.1586553F}));
  EXPECT_THAT(act(Activation::quick_gelu, {1}), near({0.8457958F}));
  EXPECT_THAT(act(Activation::tanh3, {3, 300}), near({2.2847824F, 3}));
}

Numbers convert(DType from, const graph::Convert& options, Numbers x) {
  const tensor::Shape shape{1, 1, 1, static_cast<std::int64_t>(x.size())};
  return evaluate(
      {.build = [&](Builder& b) { return b.convert(frame_input(b, "x", shape, from), options); },
       .inputs = {{"x", std::move(x)}},
       .weights = {}});
}

TEST(RefConvert, ToU8RoundsToNearestEvenAndSaturates) {
  EXPECT_THAT(convert(DType::f32, {.to = DType::u8},
                      {0.5F, 1.5F, 2.5F, 254.5F, 255.5F, 300, -0.6F, -1e30F, NAN}),
              ElementsAre(0, 2, 2, 254, 255, 255, 0, 0, 0));
}

TEST(RefConvert, ToBf16RoundsToNearestEven) {
  EXPECT_THAT(convert(DType::f32, {.to = DType::bf16},
                      {1 + 0x1p-8F, 1 + 3 * 0x1p-8F, 1 + 0x1p-8F + 0x1p-20F}),
              ElementsAre(1, 1 + 0x1p-6F, 1 + 0x1p-7F));
}

TEST(RefConvert, ScalesThenShifts) {
  EXPECT_THAT(convert(DType::u8, {.scale = 2, .shift = -1}, {0, 10, 255}),
              ElementsAre(-1, 19, 509));
  EXPECT_THAT(convert(DType::i32, {.scale = 0.5F, .to = DType::i32}, {-7, 9, 2e9F}),
              ElementsAre(-4, 4, 1e9F));
}

TEST(RefAddScaled, EveryRowHasAScaleInTheColumn) {
  const auto build = [](Builder& b) {
    return b.add_scaled(frame_input(b, "a", {2, 1, 2, 1}), frame_input(b, "b", {2, 1, 2, 1}),
                        frame_input(b, "scales", {2, 1, 1, 3}), 1);
  };
  EXPECT_THAT(evaluate({.build = build,
                        .inputs = {{"a", {1, 2, 3, 4}},
                                   {"b", {10, 20, 30, 40}},
                                   {"scales", {9, 0.5F, 9, 9, -1, 9}}},
                        .weights = {}}),
              ElementsAre(6, 12, -27, -36));
}

TEST(RefUpsampleNearest, SourceIsTheFloorOfTheShare) {
  const auto build = [](Builder& b) {
    return b.upsample_nearest(frame_input(b, "x", {1, 1, 3, 1}), 2, 5);
  };
  EXPECT_THAT(evaluate({.build = build, .inputs = {{"x", {1, 2, 3}}}, .weights = {}}),
              ElementsAre(1, 1, 2, 2, 3, 1, 1, 2, 2, 3));
}

TEST(RefConcatChannels, PutsChannelsSideBySide) {
  const auto build = [](Builder& b) {
    return b.concat_channels(frame_input(b, "a", {1, 2, 1, 1}), frame_input(b, "b", {1, 2, 1, 2}));
  };
  EXPECT_THAT(
      evaluate({.build = build, .inputs = {{"a", {1, 2}}, {"b", {3, 4, 5, 6}}}, .weights = {}}),
      ElementsAre(1, 3, 4, 2, 5, 6));
}

TEST(RefConcatTokens, PutsTokensOneBehindTheOtherInEveryRow) {
  const auto build = [](Builder& b) {
    return b.concat_tokens(frame_input(b, "a", {2, 1, 1, 2}), frame_input(b, "b", {2, 1, 2, 2}));
  };
  EXPECT_THAT(evaluate({.build = build,
                        .inputs = {{"a", {1, 2, 3, 4}}, {"b", {5, 6, 7, 8, 9, 10, 11, 12}}},
                        .weights = {}}),
              ElementsAre(1, 2, 5, 6, 7, 8, 3, 4, 9, 10, 11, 12));
}

TEST(RefSliceChannels, TakesTheRangeOfEveryToken) {
  const auto build = [](Builder& b) {
    return b.slice_channels(frame_input(b, "x", {1, 2, 1, 3}), 1, 2);
  };
  EXPECT_THAT(evaluate({.build = build, .inputs = {{"x", counting(6)}}, .weights = {}}),
              ElementsAre(2, 3, 5, 6));
}

Numbers embed(Numbers ids) {
  const auto build = [](Builder& b) {
    return b.embedding(frame_input(b, "ids", {1, 2, 1, 1}, DType::i32), Name("e"),
                       {.vocabulary = 3, .positions = 4, .width = 2}, "token", "position");
  };
  return evaluate({.build = build,
                   .inputs = {{"ids", std::move(ids)}},
                   .weights = {{"e.token.weight", {1, 2, 3, 4, 5, 6}},
                               {"e.position.weight", {10, 20, 30, 40, 50, 60, 70, 80}}}});
}

TEST(RefEmbedding, AddsTheRowsOfTokenAndPosition) {
  EXPECT_THAT(embed({2, 0}), ElementsAre(15, 26, 31, 42));
}

TEST(RefEmbedding, RefusesAnIdOutsideTheVocabulary) {
  for (const float id : {-1.0F, 3.0F, 2147483520.0F}) {
    try {
      embed({0, id});
      FAIL() << id << " was accepted";
    } catch (const base::Error& error) {
      EXPECT_EQ(error.code(), base::ErrorCode::invalid_argument);
      EXPECT_THAT(error.what(), HasSubstr(std::to_string(static_cast<int>(id))));
      EXPECT_THAT(error.what(), HasSubstr("the vocabulary has 3 entries"));
    }
  }
}

TEST(RefTimestepEmbedding, CosinesFirstAndAnOddWidthEndsInZero) {
  const auto embed_time = [](const graph::TimestepEmbedding& options) {
    const auto build = [&](Builder& b) {
      return b.timestep_embedding(frame_input(b, "t", {1, 1, 1, 1}), options);
    };
    return evaluate({.build = build, .inputs = {{"t", {2}}}, .weights = {}});
  };
  const float c0 = std::cos(2.0F), s0 = std::sin(2.0F), c1 = std::cos(0.02F), s1 = std::sin(0.02F);
  EXPECT_THAT(embed_time({.width = 5}), near({c0, c1, s0, s1, 0}));
  EXPECT_THAT(embed_time({.width = 4, .flip_sin_to_cos = false}), near({s0, s1, c0, c1}));
  EXPECT_THAT(embed_time({.width = 4, .freq_shift = 1}),
              near({c0, std::cos(2e-4F), s0, std::sin(2e-4F)}));
}

TEST(RefDevice, RefusesATypeItCannotStore) {
  try {
    convert(DType::f32, {.to = DType::f16}, {1});
    FAIL() << "did not throw";
  } catch (const base::Error& error) {
    EXPECT_EQ(error.code(), base::ErrorCode::unsupported);
    EXPECT_THAT(error.what(), HasSubstr("f16"));
  }
}

}  // namespace
}  // namespace streamdiffusion::backend::test

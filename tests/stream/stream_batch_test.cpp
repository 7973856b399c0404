// The stream batch against the sequential oracle.
#include "stream/stream_batch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/error.h"
#include "stream/toy_unet.h"

namespace streamdiffusion::stream {
namespace {

using testing::frame;
using testing::kShape;
using testing::parameters;
using testing::sequential_outputs;
using testing::ToyStream;

const std::vector<std::vector<int>> kLists{{32}, {32, 45}, {22, 32, 45}, {0, 16, 32, 45}};
double worst(const std::vector<float>& a, const std::vector<float>& b) {
  double most = a.size() == b.size() ? 0 : std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    most = std::max(most, std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
  }
  return most;
}

TEST(RowLayout, UNetRowsOfEachGuidanceType) {
  EXPECT_EQ((RowLayout{4, 2, CfgType::none}.unet_rows()), 8);
  EXPECT_EQ((RowLayout{4, 2, CfgType::self}.unet_rows()), 8);
  EXPECT_EQ((RowLayout{4, 2, CfgType::initialize}.unet_rows()), 10);
  EXPECT_EQ((RowLayout{4, 2, CfgType::full}.unet_rows()), 16);
}

TEST(StreamBatch, EqualsSequentialForEveryGuidanceAndStepCount) {
  for (const std::vector<int>& list : kLists) {
    for (const CfgType cfg : testing::kCfgTypes) {
      for (const int frames : {1, 2, 3}) {
        for (const bool noise : {true, false}) {
          for (const auto prediction :
               {PredictionType::epsilon, PredictionType::v, PredictionType::sample}) {
            StreamParameters p = parameters(list);
            p.do_add_noise = noise;
            p.prediction = prediction;
            const int steps = static_cast<int>(list.size());
            ToyStream stream({steps, frames, cfg}, p);
            for (std::uint64_t first = 0; first < 12; first += static_cast<std::uint64_t>(frames))
              stream.call(first);
            while (stream.batch().waiting()) stream.call_empty();
            const auto expected = sequential_outputs(frames, cfg, p, 12);
            ASSERT_EQ(stream.outputs().size(), expected.size());
            for (const auto& [id, latents] : expected) {
              ASSERT_LE(worst(stream.outputs().at(id), latents), 1e-6)
                  << "frame " << id << ", n " << steps << ", F " << frames << ", cfg "
                  << static_cast<int>(cfg);
            }
          }
        }
      }
    }
  }
}

TEST(StreamBatch, OutputKBelongsToInputKMinusNMinus1) {
  ToyStream stream({3, 1, CfgType::self}, parameters({22, 32, 45}));
  for (std::uint64_t k = 0; k < 6; ++k) {
    stream.call(k);
    EXPECT_EQ(stream.order().size(), k < 2 ? 0 : k - 1);
  }
  EXPECT_THAT(stream.order(), ::testing::ElementsAre(0, 1, 2, 3));
}

TEST(StreamBatch, FlushGivesTheLastOnesAndNothingMore) {
  ToyStream stream({4, 2, CfgType::initialize}, parameters({0, 16, 32, 45}));
  stream.call(0);
  stream.call(2);
  while (stream.batch().waiting()) stream.call_empty();
  EXPECT_THAT(stream.order(), ::testing::ElementsAre(0, 1, 2, 3));
}

TEST(StreamBatch, AStillInputGivesAStillOutput) {
  const RowLayout layout{2, 1, CfgType::self};
  StreamBatch batch(layout, kShape, parameters({32, 45}));
  std::vector<float> rows(2 * kShape.size()), out(kShape.size()), timesteps(2), before;
  std::vector<FrameId> out_ids(1);
  batch.timesteps(timesteps);
  for (std::uint64_t id = 0; id < 5; ++id) {
    const std::vector<FrameId> ids{id};
    batch.enter(frame(7), ids, rows);
    batch.leave(testing::toy_unet(layout, rows, timesteps), out, out_ids);
    if (id >= 2) {
      EXPECT_EQ(out, before);
    }
    before = out;
  }
}

/// X_i = a_i z + b_i S_i, seen through the next step's rows: with gamma > 1 the virtual noise must
/// stay tied to the frame's own clean latents (docs/algorithm.md, section 5; D3). Checked against a
/// sequential run of that definition in double.
TEST(ResidualGuidance, SelfNegativeFollowsTheRecursionOfItsDefinition) {
  for (const bool add_noise : {true, false}) {
    StreamParameters p = parameters({22, 32, 45});
    p.do_add_noise = add_noise;
    const std::vector<float> noise = noise_table(p.seeds.seeds[0].seed, 3, kShape);
    const std::vector<float> z = frame(0);
    const auto found = sequential_outputs(1, CfgType::self, p, 1).at(0);
    for (std::size_t e = 0; e < kShape.size(); ++e) {
      double x = 0, s = 0, clean = 0;
      for (std::size_t i = 0; i < 3; ++i) {
        const double a = p.steps[i].a, b = p.steps[i].b, fresh = noise[i * kShape.size() + e];
        if (i == 0) {
          x = a * z[e] + b * fresh;
          s = fresh;
        } else {
          const double added = add_noise ? fresh : 0.0;
          s = added + a * (clean - z[e]) / b;  // the definition: S_i = (X_i - a_i z) / b_i
          x = a * clean + b * added;
        }
        ASSERT_NEAR(x, a * z[e] + b * s, 1e-9);
        const double cond = 0.8 * std::tanh(x) + 0.3 * std::cos(x + 0.001 * p.steps[i].timestep);
        const double u = p.delta * s, guided = u + p.guidance_scale * (cond - u);
        clean = p.steps[i].c_out * (x - b * guided) / a + p.steps[i].c_skip * x;
      }
      // c_skip is about 1e-6, which the definition leaves out of the reference; errors stay below
      // 1e-4
      ASSERT_NEAR(found[e], clean, 1e-4 * std::max(1.0, std::abs(clean)));
    }
  }
}

TEST(ResidualGuidance, OneStepStaysFiniteForAThousandFrames) {  // docs/algorithm.md, D2
  for (const CfgType cfg : {CfgType::self, CfgType::initialize}) {
    ToyStream stream({1, 1, cfg}, parameters({0}));
    for (std::uint64_t id = 0; id < 1000; ++id) stream.call(id % 3);
    EXPECT_TRUE(std::isfinite(stream.outputs().at(0)[5]));
    ToyStream fresh({1, 1, cfg}, parameters({0}));
    fresh.call(0);
    EXPECT_EQ(stream.outputs().at(0), fresh.outputs().at(0));
  }
}

TEST(ResidualGuidance, AScaleOfOneIsNoGuidance) {  // docs/algorithm.md, D4
  for (const CfgType cfg : {CfgType::full, CfgType::self, CfgType::initialize}) {
    StreamParameters p = parameters({22, 45});
    p.guidance_scale = 1.0F;
    ToyStream guided({2, 1, cfg}, p), plain({2, 1, CfgType::none}, p);
    for (std::uint64_t id = 0; id < 4; ++id) {
      guided.call(id);
      plain.call(id);
    }
    for (const auto& [id, latents] : plain.outputs())
      EXPECT_LE(worst(guided.outputs().at(id), latents), 1e-6);
  }
}

TEST(StreamBatch, AClearedBatchHoldsNoFrameAndGoesOn) {
  const StreamParameters p = parameters({22, 32, 45});
  ToyStream stream({3, 1, CfgType::self}, p);
  stream.call(0);
  stream.call(1);
  stream.batch().clear();
  EXPECT_FALSE(stream.batch().waiting());
  for (std::uint64_t id = 2; id < 6; ++id) stream.call(id);
  EXPECT_THAT(stream.order(), ::testing::ElementsAre(2, 3));
  const auto expected = sequential_outputs(1, CfgType::self, p, 4);
  for (const auto& [id, latents] : stream.outputs())
    EXPECT_LE(worst(expected.at(id), latents), 1e-6) << "frame " << id;
}

TEST(StreamBatch, ANonFiniteAnswerNamesTheStepAndCostsOneFrame) {
  const RowLayout layout{2, 1, CfgType::none};
  StreamBatch batch(layout, kShape, parameters({18, 45}));
  std::vector<float> rows(2 * kShape.size()), answer(rows.size(), 0.1F), out(kShape.size());
  std::vector<FrameId> out_ids(1);
  answer[3] = std::numeric_limits<float>::quiet_NaN();
  batch.enter(frame(0), std::vector<FrameId>{0}, rows);
  try {
    batch.leave(answer, out, out_ids);
    FAIL() << "did not throw";
  } catch (const base::Error& error) {
    EXPECT_EQ(error.code(), base::ErrorCode::numeric);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("639"));
  }
  answer[3] = 0.1F;
  for (std::uint64_t id = 1; id < 3; ++id) {
    batch.enter(frame(id), std::vector<FrameId>{id}, rows);
    batch.leave(answer, out, out_ids);
    EXPECT_EQ(out_ids[0].has_value(), id == 2) << "the broken frame never comes out";
  }
  EXPECT_EQ(out_ids[0], FrameId(1));
}

}  // namespace
}  // namespace streamdiffusion::stream

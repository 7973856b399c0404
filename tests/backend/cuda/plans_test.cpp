// Plans of cuDNN for every convolution of every model, for cards that are not here: cuDNN takes a
// description of a card in place of the card. Skipped where cuDNN is not installed.
#include <gtest/gtest.h>

#include <cstdio>
#include <map>
#include <set>
#include <sstream>

#include "backend/cuda/cards.h"
#include "backend/cuda/cudnn/convolution.h"
#include "json/json.h"
#include "models/autoencoder.h"
#include "models/presets.h"
#include "models/unet.h"

namespace streamdiffusion::backend::cuda {
namespace {

using tensor::DType;
using tensor::Shape;

struct Convolution {
  graph::Conv2d op;
  Shape x, y;
};

/// The distinct convolutions of a graph, by a text that says all that a plan depends on.
void collect(const graph::Graph& graph, std::map<std::string, Convolution>& all) {
  for (const graph::Op& op : graph.ops) {
    const auto* conv = std::get_if<graph::Conv2d>(&op.attributes);
    if (conv == nullptr) continue;
    const Shape x = graph.desc(op.inputs[0]).shape, y = graph.desc(op.output).shape;
    std::ostringstream key;
    key << to_string(x) << to_string(y) << conv->kernel << conv->stride << conv->pad_begin
        << conv->pad_end << conv->bias << conv->row_bias << conv->residual << conv->upsample2x
        << to_string(conv->act);
    all.emplace(key.str(), Convolution{*conv, x, y});
  }
}

struct Model {
  std::string unet, autoencoder;
  std::int64_t latents = 64;
};

Model included_model() {
  const std::string folder = SD_SOURCE_DIR "/models/pictogram";
  return {read_file(folder + "/unet/config.json"), read_file(folder + "/vae/config.json"), 32};
}

std::vector<Model> models() {
  std::vector<Model> all = {included_model()};
  for (const models::Preset& preset : models::presets())
    all.push_back({std::string(preset.unet), std::string(preset.autoencoder), 64});
  return all;
}

std::map<std::string, Convolution> convolutions(std::int64_t rows) {
  std::map<std::string, Convolution> all;
  for (const Model& model : models()) {
    const auto unet = models::unet_config(json::Json::parse(model.unet, "unet"));
    const auto autoencoder =
        models::autoencoder_config(json::Json::parse(model.autoencoder, "vae"));
    const std::int64_t scale = models::vae_scale_factor(autoencoder);
    collect(models::build_unet(unet, {.rows = rows,
                                      .h = model.latents,
                                      .w = model.latents,
                                      .kv_rows = std::vector<int>(static_cast<std::size_t>(rows))}),
            all);
    const models::ImageShape image{
        .frames = 1, .height = model.latents * scale, .width = model.latents * scale};
    collect(models::build_encoder(autoencoder, image), all);
    collect(models::build_decoder(autoencoder, image), all);
  }
  return all;
}

class CudaPlans : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (!have_cudnn()) GTEST_SKIP() << "cuDNN is not installed";
  }
  /// Plans every convolution and prints which engines were chosen.
  static void expect_precompiled(DType dtype, std::int64_t rows) {
    const Card here = described_card(GetParam());
    std::map<std::int64_t, int> engines;
    std::int64_t workspace = 0;
    const std::map<std::string, Convolution> all = convolutions(rows);
    for (const auto& [key, conv] : all) {
      SCOPED_TRACE(base::concat(to_string(dtype), ' ', key));
      const Plan plan = plan_convolution(here, conv.op, conv.x, conv.y, dtype);
      EXPECT_FALSE(plan.runtime_compiled);
      ++engines[plan.engine];
      workspace = std::max(workspace, plan.workspace_bytes);
    }
    std::printf("%-8s %-4s %2d rows, %d convolutions, workspace %.1f MiB:", GetParam(),
                to_string(dtype), static_cast<int>(rows), static_cast<int>(all.size()),
                static_cast<double>(workspace) / (1 << 20));
    for (const auto& [engine, count] : engines)
      std::printf("  engine %d: %d", static_cast<int>(engine), count);
    std::printf("\n");
  }
};

TEST_P(CudaPlans, EveryConvolutionHasAPrecompiledEngine) {
  for (const DType dtype : {DType::bf16, DType::f16})
    for (const std::int64_t rows : {1, 4, 16}) expect_precompiled(dtype, rows);
}

/// What tuning times and keeps.
TEST_P(CudaPlans, TheCandidatesOfTuningAreReadBack) {
  constexpr std::size_t kMost = 8;
  const Card here = described_card(GetParam());
  std::size_t candidates = 0, shapes = 0;
  for (const auto& [key, conv] : convolutions(1)) {
    SCOPED_TRACE(key);
    for (const Plan& plan : plan_convolutions(here, conv.op, conv.x, conv.y, DType::f16, kMost)) {
      EXPECT_FALSE(plan.runtime_compiled);
      const std::optional<Plan> again = plan_from_text(here, to_text(plan));
      ASSERT_TRUE(again.has_value());
      EXPECT_EQ(again->engine, plan.engine);
      EXPECT_EQ(again->workspace_bytes, plan.workspace_bytes);
      ++candidates;
    }
    ++shapes;
  }
  EXPECT_GT(candidates, 4 * shapes);
  std::printf("%-8s %.1f candidates a convolution\n", GetParam(),
              static_cast<double>(candidates) / static_cast<double>(shapes));
}

TEST_P(CudaPlans, F32ConvolutionsHaveEnginesToo) {
  const Card here = described_card(GetParam());
  for (const auto& [key, conv] : convolutions(1)) {
    SCOPED_TRACE(key);
    EXPECT_NO_THROW(plan_convolution(here, conv.op, conv.x, conv.y, DType::f32));
  }
}

INSTANTIATE_TEST_SUITE_P(Cards, CudaPlans,
                         ::testing::Values("a100", "rtx3090", "rtx4090", "h100", "h200", "b200",
                                           "rtx5090"),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace streamdiffusion::backend::cuda

// Every model family against diffusers and transformers, on every device and type this build has.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "backend/backend.h"
#include "golden/golden_file.h"
#include "weights/hash_weights.h"

namespace streamdiffusion::golden {
namespace {

using graph::Lifetime;
using json::Json;
using tensor::DType;

/// Of rounding: 0.5e-4 to 2.5e-4 were seen, by the order of the sums.
constexpr double kBf16CosineDistance = 3e-4;

struct ModelCase {
  std::filesystem::path file;
  std::string device;
  DType dtype;
};

std::ostream& operator<<(std::ostream& out, const ModelCase& c) {
  return out << c.file.stem().string() << " on " << c.device << " in " << to_string(c.dtype);
}

std::vector<ModelCase> model_cases() {
  std::vector<ModelCase> all;
  for (const auto& file : model_files()) {
    for (const std::string& device : backend::device_names()) {
      all.push_back({file, device, DType::f32});
      if (device != "ref") all.push_back({file, device, DType::bf16});
      if (device == "cuda") all.push_back({file, device, DType::f16});
    }
  }
  return all;
}

double cosine_distance(const std::vector<float>& a, const std::vector<float>& b) {
  double ab = 0, aa = 0, bb = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    ab += static_cast<double>(a[i]) * b[i];
    aa += static_cast<double>(a[i]) * a[i];
    bb += static_cast<double>(b[i]) * b[i];
  }
  return 1 - ab / std::sqrt(aa * bb);
}

double largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  double most = 0;
  for (std::size_t i = 0; i < a.size(); ++i) most = std::max<double>(most, std::abs(a[i] - b[i]));
  return most;
}

void expect_model_close(const Expectation& expected, tensor::View output, DType dtype) {
  const Expectation found = measure(output, expected.values.size());
  ASSERT_EQ(found.shape, expected.shape);
  if (dtype != DType::f32) {
    EXPECT_LE(cosine_distance(found.values, expected.values), kBf16CosineDistance);
    EXPECT_NEAR(found.rms, expected.rms, 0.01 * expected.rms);
    return;
  }
  const double allowed = kF32RelativeError * expected.max_abs;
  EXPECT_LE(largest_difference(found.values, expected.values), allowed);
  EXPECT_NEAR(found.mean, expected.mean, allowed);
  EXPECT_NEAR(found.rms, expected.rms, allowed);
  EXPECT_NEAR(found.max_abs, expected.max_abs, allowed);
}

/// The image that is shown is the image rounded: 0 for -1 or less, 255 for 1 or more.
void expect_rounded(tensor::View image, tensor::View pixels) {
  ASSERT_EQ(image.desc.shape, pixels.desc.shape);
  for (std::int64_t i = 0; i < image.desc.shape.elements(); ++i) {
    const float exact = std::clamp(image.as<float>()[i] * 127.5F + 127.5F, 0.0F, 255.0F);
    ASSERT_NEAR(static_cast<float>(pixels.as<std::uint8_t>()[i]), exact, 0.501F) << "element " << i;
  }
}

class GoldenModel : public ::testing::TestWithParam<ModelCase> {};

TEST_P(GoldenModel, AnswersAsInPython) {
  const ModelCase& c = GetParam();
  const auto device = backend::make_device(c.device, {.threads = 2});
  if (c.dtype == DType::bf16 && device->preferred_dtype() == DType::f32) {
    GTEST_SKIP() << "this processor has no fast bf16";
  }
  const weights::HashWeights hash;
  const Json golden = Json::read(c.file);
  for (graph::Graph& graph : build_graphs(golden, c.dtype)) {
    const std::vector<graph::Input> inputs = graph.inputs;
    const std::vector<graph::Output> outputs = graph.outputs;
    std::vector<graph::Graph> row_groups;
    row_groups.push_back(std::move(graph));
    const auto executable = device->compile(
        std::move(row_groups), {.scope = c.file.stem().string(),
                                .read = [&](const graph::Weight& weight, std::span<float> out) {
                                  hash.read_f32(weight.name, weight.dims, out);
                                }});
    const auto state = executable->make_state();
    for (const graph::Input& input : inputs) {
      fill_input(golden, input.name, state->input(input.name));
    }
    for (const Lifetime lifetime :
         {Lifetime::per_schedule, Lifetime::per_prompt, Lifetime::per_frame}) {
      executable->run(lifetime, *state);
    }
    for (const graph::Output& output : outputs) {
      SCOPED_TRACE(output.name);
      if (output.name == "pixels") {
        expect_rounded(state->output("image"), state->output("pixels"));
      } else {
        expect_model_close(expectation(golden, output.name), state->output(output.name), c.dtype);
      }
    }
  }
}

std::string name_of(const ::testing::TestParamInfo<ModelCase>& info) {
  return info.param.file.stem().string() + "_" + info.param.device + "_" +
         to_string(info.param.dtype);
}

INSTANTIATE_TEST_SUITE_P(Models, GoldenModel, ::testing::ValuesIn(model_cases()), name_of);

TEST(GoldenModels, CoverEveryFamily) {
  std::vector<std::string> kinds;
  for (const auto& file : model_files()) kinds.push_back(Json::read(file).at("model").string());
  EXPECT_GE(kinds.size(), 15U);
  EXPECT_THAT(kinds, ::testing::IsSupersetOf({"unet", "clip_text", "autoencoder"}));
}

}  // namespace
}  // namespace streamdiffusion::golden

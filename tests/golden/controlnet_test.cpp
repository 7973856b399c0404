// UNets with ControlNets against diffusers, on every device and type this build has: images,
// embeddings, scales by row, guess mode.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "golden/compiled.h"
#include "golden/golden_case.h"
#include "golden/golden_file.h"
#include "models/unet.h"

namespace streamdiffusion::golden {
namespace {

using json::Json;
using tensor::DType;

/// The factors of a net's residuals: the row's scale, in guess mode from a tenth of it at the first
/// residual, in even ratios, to all of it at the last (diffusers' ControlNetModel.forward).
void fill_scales(const Json& call, std::size_t net, tensor::View scales) {
  const tensor::Shape& shape = scales.desc.shape;
  const bool guess = call.at("guess")[net].boolean();
  for (std::int64_t row = 0; row < shape.n; ++row) {
    const auto at = static_cast<std::size_t>(row);
    const bool off = guess && call.has("without") && call.at("without")[at].boolean();
    for (std::int64_t i = 0; i < shape.c; ++i) {
      const double share = guess ? std::pow(10.0, static_cast<double>(i) / (shape.c - 1.0) - 1) : 1;
      const double scale = off ? 0 : call.at("scales")[net][at].number() * share;
      scales.as<float>()[row * shape.c + i] = static_cast<float>(scale);
    }
  }
}

class GoldenControlNet : public GoldenCase {
 protected:
  GoldenControlNet() : GoldenCase("controlnet") {}
};

TEST_P(GoldenControlNet, AnswersAsInPython) {
  const DType dtype = GetParam().dtype;
  const Json call = golden_.at("call"), configs = golden_.at("controlnets");
  std::vector<models::ControlNetConfig> nets;
  for (std::size_t i = 0; i < configs.size(); ++i) {
    nets.push_back(models::controlnet_config(configs[i]));
  }
  models::UNetShape shape = unet_shape(call, dtype);
  for (std::size_t i = 0; i < nets.size(); ++i) shape.controlnets.push_back(static_cast<int>(i));
  Compiled unet(*device_, models::build_unet(models::unet_config(golden_.at("unet")), shape, nets),
                "");
  for (const graph::Input& input : unet.inputs()) {
    if (!input.name.starts_with("control")) fill_input(golden_, input.name, unet.input(input.name));
  }
  for (std::size_t i = 0; i < nets.size(); ++i) {
    const std::string number = "." + std::to_string(i);
    const auto embedding_graph = [&](DType type) {
      return models::build_control_embedding(
          nets[i],
          {.frames = shape.rows, .height = 8 * shape.h, .width = 8 * shape.w, .activations = type});
    };
    Compiled embedding(*device_, embedding_graph(dtype),
                       models::controlnet_root(static_cast<int>(i)) + ".");
    fill_input(golden_, "pixels" + number, embedding.input("pixels"));
    embedding.run();
    const tensor::View control = embedding.output("control");
    if (dtype == DType::f32) expect_close(golden_, "control" + number, control, dtype);
    ASSERT_EQ(control.desc, unet.input("control" + number).desc);
    std::memcpy(unet.input("control" + number).data, control.data, control.desc.bytes());
    fill_scales(call, i, unet.input("control_scales" + number));
  }
  unet.run();
  expect_close(golden_, "prediction", unet.output("prediction"), dtype);
}

INSTANTIATE_TEST_SUITE_P(ControlNets, GoldenControlNet,
                         ::testing::ValuesIn(cases({"sd", "sdxl", "small"})), case_name);

}  // namespace
}  // namespace streamdiffusion::golden

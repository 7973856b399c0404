// UNets with ControlNets against diffusers, on every device and type this build has: images,
// embeddings, scales by row, guess mode.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "backend/backend.h"
#include "golden/golden_file.h"
#include "models/unet.h"
#include "support/environment.h"
#include "weights/hash_weights.h"

namespace streamdiffusion::golden {
namespace {

using graph::Lifetime;
using json::Json;
using tensor::DType;

struct Case {
  std::string name, device;
  DType dtype;
};

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const char* name : {"sd", "sdxl", "small"}) {
    for (const std::string& device : backend::device_names()) {
      all.push_back({name, device, DType::f32});
      if (device != "ref") all.push_back({name, device, DType::bf16});
    }
  }
  return all;
}

/// One program compiled from a graph, with hash weights of the names behind `root`.
class Compiled {
 public:
  Compiled(backend::Device& device, graph::Graph graph, std::string root) : inputs_(graph.inputs) {
    std::vector<graph::Graph> groups;
    groups.push_back(std::move(graph));
    const auto read = [root](const graph::Weight& weight, std::span<float> out) {
      weights::HashWeights().read_f32(root + weight.name, weight.dims, out);
    };
    executable_ = device.compile(std::move(groups), {.scope = "golden" + root, .read = read});
    state_ = executable_->make_state();
  }
  void run() {
    for (const Lifetime lifetime :
         {Lifetime::per_schedule, Lifetime::per_prompt, Lifetime::per_frame}) {
      executable_->run(lifetime, *state_);
    }
  }
  const std::vector<graph::Input>& inputs() const { return inputs_; }
  tensor::View input(const std::string& name) { return state_->input(name); }
  tensor::View output(const std::string& name) { return state_->output(name); }

 private:
  std::vector<graph::Input> inputs_;
  std::unique_ptr<backend::Executable> executable_;
  std::unique_ptr<backend::State> state_;
};

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

void expect_close(const Json& golden, const std::string& name, tensor::View output, DType dtype) {
  SCOPED_TRACE(name);
  const Expectation expected = expectation(golden, name);
  const Expectation found = measure(output, expected.values.size());
  ASSERT_EQ(found.shape, expected.shape);
  const double allowed = (dtype == DType::f32 ? 1e-4 : 3e-2) * expected.max_abs;
  for (std::size_t k = 0; k < expected.values.size(); ++k) {
    ASSERT_NEAR(found.values[k], expected.values[k], allowed) << "number " << k;
  }
  EXPECT_NEAR(found.rms, expected.rms, allowed);
}

class GoldenControlNet : public ::testing::TestWithParam<Case> {};

TEST_P(GoldenControlNet, AnswersAsInPython) {
  const auto [name, device_name, dtype] = GetParam();
  const auto device = backend::make_device(device_name, {.threads = 2});
  if (dtype == DType::bf16 && device->preferred_dtype() != DType::bf16) {
    GTEST_SKIP() << "this processor has no fast bf16";
  }
  const Json golden = Json::read(streamdiffusion::testing::data_folder(SD_TEST_DATA_DIR) /
                                 "golden/controlnet" / (name + ".json"));
  const Json call = golden.at("call"), configs = golden.at("controlnets");
  std::vector<models::ControlNetConfig> nets;
  for (std::size_t i = 0; i < configs.size(); ++i) {
    nets.push_back(models::controlnet_config(configs[i]));
  }
  models::UNetShape shape = unet_shape(call, dtype);
  for (std::size_t i = 0; i < nets.size(); ++i) shape.controlnets.push_back(static_cast<int>(i));
  Compiled unet(*device, models::build_unet(models::unet_config(golden.at("unet")), shape, nets),
                "");
  for (const graph::Input& input : unet.inputs()) {
    if (!input.name.starts_with("control")) fill_input(golden, input.name, unet.input(input.name));
  }
  for (std::size_t i = 0; i < nets.size(); ++i) {
    const std::string number = "." + std::to_string(i);
    const auto embedding_graph = [&](DType type) {
      return models::build_control_embedding(
          nets[i],
          {.frames = shape.rows, .height = 8 * shape.h, .width = 8 * shape.w, .activations = type});
    };
    Compiled embedding(*device, embedding_graph(dtype),
                       models::controlnet_root(static_cast<int>(i)) + ".");
    fill_input(golden, "pixels" + number, embedding.input("pixels"));
    embedding.run();
    const tensor::View control = embedding.output("control");
    if (dtype == DType::f32) expect_close(golden, "control" + number, control, dtype);
    ASSERT_EQ(control.desc, unet.input("control" + number).desc);
    std::memcpy(unet.input("control" + number).data, control.data, control.desc.bytes());
    fill_scales(call, i, unet.input("control_scales" + number));
  }
  unet.run();
  expect_close(golden, "prediction", unet.output("prediction"), dtype);
}

INSTANTIATE_TEST_SUITE_P(ControlNets, GoldenControlNet, ::testing::ValuesIn(cases()),
                         [](const auto& info) {
                           return info.param.name + "_" + info.param.device + "_" +
                                  to_string(info.param.dtype);
                         });

}  // namespace
}  // namespace streamdiffusion::golden

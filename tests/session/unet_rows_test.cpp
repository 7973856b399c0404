// Every value of a row of the UNet has the same bits whatever the number of rows.
#include <gtest/gtest.h>

#include <cstring>

#include "backend/backend.h"
#include "session/session_impl.h"
#include "support/numbers.h"
#include "support/tiny_model.h"

namespace streamdiffusion {
namespace {

struct Computed {
  std::unique_ptr<backend::Executable> executable;
  std::unique_ptr<backend::State> state;
  std::vector<std::string> names;
};

/// All rows are alike, and every value that has rows is an output.
Computed run(const session::Model& model, backend::Device& device, int rows) {
  models::UNetShape shape{.rows = rows, .h = 3, .w = 4, .prompts = rows, .tokens = 16};
  for (int row = 0; row < rows; ++row) shape.kv_rows.push_back(row);
  graph::Graph graph = model.unet_graph(shape);
  Computed made;
  graph.outputs.clear();
  for (std::size_t i = 0; i < graph.ops.size(); ++i) {
    const graph::Value value = graph.ops[i].output;
    const auto& desc = graph.desc(value);
    if (desc.shape.n != rows) continue;
    const std::string name = std::to_string(i) + " " + graph.ops[i].name;
    graph.outputs.push_back({name, value});
    made.names.push_back(name);
  }
  std::vector<std::string> inputs;
  for (const graph::Input& input : graph.inputs) inputs.push_back(input.name);
  std::vector<graph::Graph> graphs;
  graphs.push_back(std::move(graph));
  made.executable = device.compile(std::move(graphs), model.weights(session::Component::unet, {}));
  made.state = made.executable->make_state();
  for (const std::string& name : inputs) {
    const tensor::View view = made.state->input(name);
    const std::int64_t a_row = view.desc.shape.elements() / view.desc.shape.n;
    for (std::int64_t i = 0; i < view.desc.shape.elements(); ++i)
      backend::test::set(view, i, backend::test::uniform(name, i % a_row));
  }
  for (int program = 0; program < graph::kLifetimes; ++program)
    made.executable->run(static_cast<graph::Lifetime>(program), *made.state);
  return made;
}

TEST(UNetRows, HaveTheBitsOfARowAlone) {
  const testing::TinyModel tiny;
  const EngineOptions options{
      .model = tiny.path(), .device = SD_TEST_DEVICE, .dtype = DataType::f32, .threads = 2};
  const auto engine = std::make_shared<Engine::Impl>(options, Engine::Impl::Extras{});
  const auto device = backend::make_device(SD_TEST_DEVICE, {.threads = 2});
  const Computed alone = run(engine->model, *device, 1);
  for (const int rows : {2, 3, 8}) {
    const Computed several = run(engine->model, *device, rows);
    for (const std::string& name : several.names) {
      const tensor::View one = alone.state->output(name), many = several.state->output(name);
      for (int row = 0; row < rows; ++row) {
        EXPECT_EQ(
            std::memcmp(many.as<std::byte>() + static_cast<std::size_t>(row) * one.desc.bytes(),
                        one.as<std::byte>(), one.desc.bytes()),
            0)
            << name << ", row " << row << " of " << rows;
      }
    }
  }
}

}  // namespace
}  // namespace streamdiffusion

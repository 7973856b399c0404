#include "golden/compiled.h"

#include <gtest/gtest.h>

#include "golden/golden_file.h"
#include "weights/hash_weights.h"

namespace streamdiffusion::golden {

using graph::Lifetime;
using tensor::DType;

Compiled::Compiled(backend::Device& device, graph::Graph graph, const std::string& root)
    : inputs_(graph.inputs) {
  std::vector<graph::Graph> groups;
  groups.push_back(std::move(graph));
  const auto read = [root](const graph::Weight& weight, std::span<float> out) {
    weights::HashWeights().read_f32(root + weight.name, weight.dims, out);
  };
  executable_ = device.compile(std::move(groups), {.scope = "golden" + root, .read = read});
  state_ = executable_->make_state();
}

void Compiled::run() {
  for (const Lifetime lifetime :
       {Lifetime::per_schedule, Lifetime::per_prompt, Lifetime::per_frame}) {
    executable_->run(lifetime, *state_);
  }
}

void expect_close(const json::Json& golden, const std::string& name, tensor::View output,
                  DType dtype) {
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

}  // namespace streamdiffusion::golden

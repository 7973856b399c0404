// The reference against PyTorch, on cases of the op table (tools/goldens/ops.py writes what is
// expected).
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "backend/op_cases.h"
#include "support/case_run.h"
#include "support/environment.h"

namespace streamdiffusion::backend::test {
namespace {

/// Element (k * kStep) % size is the k-th that is kept.
constexpr std::size_t kStep = 7919;

const nlohmann::json& goldens() {
  static const auto file = nlohmann::json::parse(
      std::ifstream(testing::data_folder(SD_TEST_DATA_DIR) / "backend" / "ops.json"));
  return file;
}

/// PyTorch's sums are in f32. Its exp() may miss the last bit, which moves the phase at t = 999 by
/// up to 6e-5.
double tolerance(const std::string& name) {
  return name.starts_with("timestep_embedding") ? 6e-5 : 2e-6;
}

class RefGolden : public ::testing::TestWithParam<std::string> {};

TEST_P(RefGolden, EqualsPyTorch) {
  const nlohmann::json& golden = goldens().at(GetParam());
  const auto device = make_device("ref");
  const CaseOutput y = run_case(*device, op_case(GetParam()), {}).at("y");
  const auto shape = golden.at("shape").get<std::vector<std::int64_t>>();
  EXPECT_EQ(y.desc.shape, (tensor::Shape{shape[0], shape[1], shape[2], shape[3]}));
  const auto expected = golden.at("values").get<std::vector<double>>();
  const double largest = golden.at("max_abs").get<double>();
  for (std::size_t k = 0; k < expected.size(); ++k) {
    EXPECT_NEAR(y.values[k * kStep % y.values.size()], expected[k], tolerance(GetParam()) * largest)
        << "number " << k;
  }
}

std::vector<std::string> names() {
  std::vector<std::string> names;
  for (const auto& [name, golden] : goldens().items()) names.push_back(name);
  return names;
}

INSTANTIATE_TEST_SUITE_P(Ops, RefGolden, ::testing::ValuesIn(names()),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace streamdiffusion::backend::test

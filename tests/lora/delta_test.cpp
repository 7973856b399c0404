// Every form of factors against numpy (tools/goldens/lora.py).
#include <gtest/gtest.h>

#include <cmath>

#include "json/json.h"
#include "lora/lora_set.h"
#include "support/temporary_folder.h"
#include "weights/hash_weights.h"

namespace streamdiffusion::lora {
namespace {

using json::Json;
using testing::TemporaryFolder;

std::size_t count(const std::vector<std::int64_t>& dims) {
  std::size_t all = 1;
  for (const std::int64_t dim : dims) all *= static_cast<std::size_t>(dim);
  return all;
}

weights::TensorToWrite hashed(const std::string& module, const std::string& kind,
                              const std::string& part, const std::vector<std::int64_t>& dims) {
  weights::TensorToWrite tensor{module + "." + part, dims, std::vector<float>(count(dims))};
  weights::HashWeights().read_f32("lora." + kind + "." + part, dims, tensor.values);
  return tensor;
}

TEST(Changes, AreThoseOfNumpy) {
  const Json cases = Json::read(SD_TEST_DATA_DIR "/lora/changes.json");
  ASSERT_GE(cases.size(), 13U);
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const Json golden = cases[i];
    const std::string& kind = golden.at("kind").string();
    SCOPED_TRACE(kind);
    const std::vector<std::int64_t> dims = golden.at("shape").integers();
    std::vector<weights::TensorToWrite> tensors;
    const Json parts = golden.at("parts");
    for (std::size_t p = 0; p < parts.size(); ++p) {
      const auto [part, shape] = parts.member(p);
      tensors.push_back(hashed("lora_unet_conv_in", kind, std::string(part), shape.integers()));
    }
    if (const auto alpha = golden.find("alpha")) {
      tensors.push_back({"lora_unet_conv_in.alpha", {}, {static_cast<float>(alpha->number())}});
    }
    const TemporaryFolder folder;
    const auto file = folder.path() / "a.safetensors";
    weights::write_safetensors(file, tensors);
    const std::vector<NetworkTensors> model{{Network::unet, {{"conv_in.weight", dims}}}};
    const LoraFile lora(file, ModuleMap(model));
    const Json expected = golden.at("values");
    std::vector<float> values(count(dims), 1.0F);
    ASSERT_EQ(values.size(), expected.size());
    lora.add(Network::unet, "conv_in.weight", -0.5F, values);
    for (std::size_t k = 0; k < values.size(); ++k) {
      ASSERT_NEAR(values[k], 1 - 0.5 * expected[k].number(), 1e-6) << "element " << k;
    }
  }
}

}  // namespace
}  // namespace streamdiffusion::lora

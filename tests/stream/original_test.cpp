// The stream batch against what the original Python package makes of the same frames
// (tools/goldens/stream_original.py).
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "stream/toy_unet.h"

namespace streamdiffusion::stream {
namespace {

const nlohmann::json& golden_originals() {
  static const nlohmann::json parsed = [] {
    std::ifstream file(std::string(SD_TEST_DATA_DIR) + "/stream/original.json");
    return nlohmann::json::parse(file);
  }();
  return parsed;
}

CfgType cfg_of(const std::string& name) {
  return name == "full"   ? CfgType::full
         : name == "self" ? CfgType::self
         : name == "none" ? CfgType::none
                          : CfgType::initialize;
}

TEST(StreamBatch, EqualsTheOriginalPackageForEveryGuidanceStepCountAndNoise) {
  ASSERT_EQ(golden_originals()["cases"].size(), 32U);
  for (const nlohmann::json& entry : golden_originals()["cases"]) {
    StreamParameters p = testing::parameters(entry["t_index_list"]);
    p.guidance_scale = golden_originals()["guidance_scale"];
    p.delta = golden_originals()["delta"];
    p.seeds.seeds = {{golden_originals()["seed"], 1.0F}};
    p.do_add_noise = entry["do_add_noise"];
    testing::ToyStream stream({static_cast<int>(p.steps.size()), 1, cfg_of(entry["cfg_type"])}, p);
    for (std::uint64_t id = 0; id < 6; ++id) stream.call(id);
    while (stream.batch().waiting()) stream.call_empty();
    for (std::size_t k = 0; k < entry["frames"].size(); ++k) {
      const std::vector<float> expected = entry["latents"][k];
      EXPECT_LE(testing::relative_error(stream.outputs().at(entry["frames"][k]), expected), 1e-5)
          << entry["t_index_list"] << " " << entry["cfg_type"] << ", noise " << p.do_add_noise
          << ", frame " << entry["frames"][k] << ", from " << entry["source"];
    }
  }
}

}  // namespace
}  // namespace streamdiffusion::stream

// Names against diffusers' converters (tools/goldens/ldm_names.py).
#include "weights/ldm_names.h"

#include <gtest/gtest.h>

#include <set>

#include "json/json.h"

namespace streamdiffusion::weights {
namespace {

using json::Json;

Json table() {
  return Json::read(SD_TEST_DATA_DIR "/weights/ldm_names.json");
}

std::vector<std::string> modules_of(const Json& pairs) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < pairs.size(); ++i) names.push_back(pairs[i][0].string());
  return names;
}

TEST(LdmUNetNames, AreThoseOfDiffusersConverters) {
  for (const char* model : {"sd15", "sdxl", "ssd1b", "koala", "bk_tiny"}) {
    SCOPED_TRACE(model);
    const Json pairs = table().at(model);
    const LdmUNetNames names(modules_of(pairs));
    std::set<std::string> found;
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      const std::string& module = pairs[i][0].string();
      EXPECT_EQ(names.of(module), pairs[i][1].string()) << module;
      EXPECT_EQ(names.of(module + ".weight"), pairs[i][1].string() + ".weight");
      EXPECT_TRUE(found.insert(names.of(module)).second) << "twice: " << names.of(module);
    }
  }
}

TEST(LdmUNetNames, OfPrunedModelsMayBeNumberedAsIfTheyHadTwoLayers) {
  const LdmUNetNames names(modules_of(table().at("bk_tiny")), true);
  EXPECT_EQ(names.of("down_blocks.0.downsamplers.0.conv"), "input_blocks.3.0.op");
  EXPECT_EQ(names.of("down_blocks.1.resnets.0.conv1"), "input_blocks.4.0.in_layers.2");
  EXPECT_EQ(names.of("up_blocks.0.resnets.1.conv1"), "output_blocks.1.0.in_layers.2");
  EXPECT_EQ(names.of("up_blocks.1.upsamplers.0.conv"), "output_blocks.5.2.conv");
}

/// Diffusers' script maps no attention of up_blocks.0, that block's upsampler to slot 1, and no
/// guidance embedding.
TEST(LdmUNetNames, OfDiffusersScriptAreOtherOnesWhereItMapsNone) {
  const LdmUNetNames names(modules_of(table().at("bk_tiny")), true);
  EXPECT_EQ(names.of_script("up_blocks.0.attentions.1.proj_in"),
            "up_blocks.0.attentions.1.proj_in");
  EXPECT_EQ(names.of_script("up_blocks.0.upsamplers.0.conv.bias"), "output_blocks.2.1.conv.bias");
  EXPECT_EQ(names.of("time_embedding.cond_proj"), "time_embed.cond_proj");
  EXPECT_EQ(names.of_script("time_embedding.cond_proj"), "time_embedding.cond_proj");
  for (const char* same : {"up_blocks.1.attentions.0.proj_in", "up_blocks.1.upsamplers.0.conv",
                           "up_blocks.0.resnets.0.conv1", "conv_in", ""}) {
    EXPECT_EQ(names.of_script(same), "") << same;
  }
}

TEST(LdmUNetNames, AreEmptyForWhatIsNone) {
  const LdmUNetNames names({"down_blocks.0.resnets.0.conv1"});
  for (const char* name : {"", "nowhere", "down_blocks", "down_blocks.", "down_blocks.9.resnets.0",
                           "down_blocks.0.resnets", "down_blocks.0.resnets.x.conv1",
                           "mid_block.resnets.", "down_blocks.0.resnets.0.nothing"}) {
    EXPECT_EQ(names.of(name), "") << name;
  }
}

TEST(LdmAutoencoderNames, AreThoseOfDiffusersConverters) {
  const Json pairs = table().at("vae");
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const std::string module = pairs[i][0].string();
    EXPECT_EQ(ldm_autoencoder_name(module + ".weight", 4), pairs[i][1].string() + ".weight");
  }
}

TEST(OpenClipNames, SplitTheProjectionsAndTurnTheLastOne) {
  const auto at = open_clip_tensor("text_model.encoder.layers.3.self_attn.k_proj.bias");
  EXPECT_EQ(at.name, "transformer.resblocks.3.attn.in_proj_bias");
  EXPECT_EQ(at.third, 1);
  EXPECT_EQ(open_clip_tensor("encoder.layers.0.mlp.fc2.weight").name,
            "transformer.resblocks.0.mlp.c_proj.weight");
  EXPECT_EQ(open_clip_tensor("text_model.embeddings.position_embedding.weight").name,
            "positional_embedding");
  EXPECT_TRUE(open_clip_tensor("text_projection.weight").transposed);
  EXPECT_EQ(open_clip_tensor("encoder.layers.x").name, "");
}

}  // namespace
}  // namespace streamdiffusion::weights

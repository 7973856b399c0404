// Every spelling of a key, what is refused by name, and the modules that names lead to.
#include "lora/key.h"

#include <gtest/gtest.h>

#include "lora/module_map.h"
#include "support/errors.h"

namespace streamdiffusion::lora {
namespace {

using base::ErrorCode;
using testing::expect_error;

TEST(Keys, SplitEverySpellingIntoModuleAndPart) {
  struct Case {
    const char *name, *module;
    Part part;
  };
  const Case cases[]{
      {"lora_unet_conv_in.lora_down.weight", "lora_unet_conv_in", Part::down},
      {"lora_unet_conv_in.lora_mid.weight", "lora_unet_conv_in", Part::mid},
      {"lora_unet_conv_in.alpha", "lora_unet_conv_in", Part::alpha},
      {"unet.mid_block.attentions.0.proj_in.lora_A.weight", "unet.mid_block.attentions.0.proj_in",
       Part::down},
      {"base_model.model.conv_in.lora_B.default.weight", "base_model.model.conv_in", Part::up},
      {"unet.a.attn1.processor.to_q_lora.up.weight", "unet.a.attn1.to_q", Part::up},
      {"a.attn1.processor.to_out_lora.down.weight", "a.attn1.to_out.0", Part::down},
      {"text_encoder.a.self_attn.to_out_lora.down.weight", "text_encoder.a.self_attn.to_out.0",
       Part::down},
      {"unet.a.attn1.to_q.lora.down.weight", "unet.a.attn1.to_q", Part::down},
      {"text_encoder.a.q_proj.lora_linear_layer.up.weight", "text_encoder.a.q_proj", Part::up},
      {"lora_unet_a.hada_w1_a", "lora_unet_a", Part::hada_w1_a},
      {"lora_unet_a.lokr_w2_b", "lora_unet_a", Part::lokr_w2_b},
      {"lora_unet_a.lokr_w1", "lora_unet_a", Part::lokr_w1},
      {"lora_unet_a.diff_b", "lora_unet_a", Part::diff_bias},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const Key key = parse_key(c.name, "a");
    EXPECT_EQ(key.module, c.module);
    EXPECT_EQ(key.part, c.part);
  }
}

TEST(Keys, RefuseOtherMethodsAndModelsByName) {
  const std::pair<const char*, const char*> cases[]{
      {"lora_unet_a.dora_scale", "DoRA"},
      {"unet.a.lora_magnitude_vector.weight", "DoRA"},
      {"lora_unet_a.oft_blocks", "OFT"},
      {"lora_unet_a.oft_diag", "OFT"},
      {"lora_unet_a.a1.weight", "GLoRA"},
      {"lora_unet_a.on_input", "IA3"},
      {"lora_unet_a.w_norm", "norm layers"},
      {"unet.a.lora_B.bias", "biases"},
      {"transformer.a.lora_A.weight", "diffusion transformer"},
      {"lora_unet_double_blocks_0_img_attn.lora_down.weight", "diffusion transformer"},
  };
  for (const auto& [name, what] : cases) {
    expect_error([&] { parse_key(name, "a.safetensors"); }, ErrorCode::unsupported, {name, what});
  }
  expect_error([] { parse_key("bundle_emb.x", "a"); }, ErrorCode::corrupt_file, {"bundle_emb.x"});
  expect_error([] { parse_key(".alpha", "a"); }, ErrorCode::corrupt_file, {".alpha"});
}

tensor::TensorSpec spec(const std::string& name) {
  return {name, {8, 8}};
}

TEST(Modules, AreFoundByEveryName) {
  const std::vector<NetworkTensors> model{
      {Network::unet,
       {spec("down_blocks.0.resnets.0.conv1.weight"), spec("down_blocks.0.resnets.1.conv1.weight"),
        spec("down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_out.0.weight"),
        spec("down_blocks.0.downsamplers.0.conv.weight"),
        spec("up_blocks.0.resnets.0.conv1.weight"), spec("up_blocks.0.upsamplers.0.conv.weight")}},
      {Network::text, {spec("text_model.encoder.layers.0.self_attn.q_proj.weight")}}};
  const ModuleMap map(model);
  const std::pair<const char*, const char*> cases[]{
      {"lora_unet_down_blocks_0_resnets_0_conv1", "down_blocks.0.resnets.0.conv1"},
      {"lora_unet_input_blocks_2_0_in_layers_2", "down_blocks.0.resnets.1.conv1"},
      {"lora_unet_input_blocks_1_1_transformer_blocks_0_attn1_to_out_0",
       "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_out.0"},
      {"diffusion_model.input_blocks.3.0.op", "down_blocks.0.downsamplers.0.conv"},
      {"lycoris_up_blocks_0_upsamplers_0_conv", "up_blocks.0.upsamplers.0.conv"},
      {"lora_unet_output_blocks_0_1_conv", "up_blocks.0.upsamplers.0.conv"},
      {"lora_te_text_model_encoder_layers_0_self_attn_q_proj",
       "text_model.encoder.layers.0.self_attn.q_proj"},
      {"text_encoder.text_model.encoder.layers.0.self_attn.to_q",
       "text_model.encoder.layers.0.self_attn.q_proj"},
      {"text_encoder.encoder.layers.0.self_attn.q_proj",
       "text_model.encoder.layers.0.self_attn.q_proj"},
      {"base_model.model.text_model.encoder.layers.0.self_attn.q_proj",
       "text_model.encoder.layers.0.self_attn.q_proj"},
      {"down_blocks.0.resnets.0.conv1", "down_blocks.0.resnets.0.conv1"},
  };
  for (const auto& [spelled, module] : cases) {
    const auto found = map.find(spelled);
    ASSERT_TRUE(found) << spelled;
    EXPECT_EQ(found->module->name, module) << spelled;
  }
  EXPECT_FALSE(map.find("lora_te2_text_model_encoder_layers_0_self_attn_q_proj"));
  EXPECT_FALSE(map.find("lora_unet_down_blocks_7_resnets_0_conv1"));
  EXPECT_EQ(ModuleMap::network_of("lora_te2_x"), Network::text_2);
}

}  // namespace
}  // namespace streamdiffusion::lora

// ControlNets in one file: equal bits to the folder of the same weights, and what is refused.
#include "weights/controlnet_file.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>

#include "models/controlnet.h"
#include "models/count_parameters.h"
#include "models/unet.h"
#include "streamdiffusion/engine.h"
#include "support/errors.h"
#include "support/ldm_file.h"
#include "support/temporary_folder.h"
#include "weights/hash_weights.h"
#include "weights/ldm_names.h"

namespace streamdiffusion {
namespace {

using base::ErrorCode;
using testing::expect_error;
using testing::TemporaryFolder;
using weights::TensorToWrite;

constexpr int kLastHint = 14;

/// config.json of the ControlNet that is copied from a UNet.
std::string config_of(const std::string& unet) {
  auto config = nlohmann::json::parse(unet);
  for (const char* up : {"out_channels", "up_block_types", "reverse_transformer_layers_per_block"})
    config.erase(up);
  config["_class_name"] = "ControlNetModel";
  config["conditioning_embedding_out_channels"] = {4, 8, 8, 12};
  return config.dump();
}

std::vector<TensorToWrite> tensors_of(const std::string& unet, const std::string& net) {
  const auto config = models::controlnet_config(json::Json::parse(net, "net"));
  const graph::Graph graph = models::build_unet(
      models::unet_config(json::Json::parse(unet, "unet")),
      {.h = 4, .w = 4, .tokens = 77, .kv_rows = {0}, .controlnets = {0}}, {&config, 1});
  std::vector<tensor::TensorSpec> specs;
  for (const graph::Weight& weight : graph.weights) {
    const auto found = models::controlnet_tensor(weight.name);
    if (found) specs.push_back({std::string(found->name), weight.dims});
  }
  const graph::Graph embedding =
      models::build_control_embedding(config, {.height = 32, .width = 32});
  specs.insert(specs.end(), embedding.weights.begin(), embedding.weights.end());
  std::vector<TensorToWrite> tensors;
  for (const tensor::TensorSpec& spec : specs) {
    std::size_t count = 1;
    for (const std::int64_t dim : spec.dims) count *= static_cast<std::size_t>(dim);
    tensors.push_back({spec.name, spec.dims, std::vector<float>(count)});
    weights::HashWeights().read_f32(spec.name, spec.dims, tensors.back().values);
  }
  return tensors;
}

/// The same tensors in the names of the original code.
std::vector<TensorToWrite> in_ldm_names(std::vector<TensorToWrite> tensors,
                                        const std::string& prefix) {
  std::vector<std::string> names;
  for (const TensorToWrite& tensor : tensors) names.push_back(tensor.name);
  const weights::LdmUNetNames blocks(names);
  for (TensorToWrite& tensor : tensors) {
    std::string name = weights::ldm_controlnet_name(tensor.name, kLastHint);
    if (name.empty()) name = blocks.of(tensor.name);
    EXPECT_FALSE(name.empty()) << tensor.name;
    tensor.name = prefix + name;
  }
  return tensors;
}

class ControlNetFiles : public ::testing::Test {
 protected:
  std::string write(const std::string& name, const std::vector<TensorToWrite>& tensors) const {
    weights::write_safetensors(folder_.path() / name, tensors);
    return (folder_.path() / name).string();
  }
  std::vector<float> pixels(const std::string& net) const {
    Engine engine = Engine::open({.model = (folder_.path() / "model").string(),
                                  .controlnets = {{net, {.scale = 2}}},
                                  .device = SD_TEST_DEVICE,
                                  .dtype = DataType::f32,
                                  .threads = 1});
    Session session =
        engine.session({.width = 32, .height = 32, .t_index_list = {25}, .keep_tensors = true});
    Image frame{32, 32, {}};
    for (int i = 0; i < 32 * 32 * 3; ++i) frame.rgb.push_back(static_cast<std::uint8_t>(i * 7));
    return session.process(frame).value().pixels;
  }
  /// As a folder, in LDM's names with and without the prefix, and in diffusers' names alone.
  void expect_bits_of_the_folder(const testing::TinyConfigs& configs) const {
    testing::write_folder(configs, folder_.path() / "model");
    const std::string config = config_of(configs.unet);
    const auto tensors = tensors_of(configs.unet, config);
    folder_.write("net/config.json", config);
    write("net/diffusion_pytorch_model.safetensors", tensors);
    const std::vector<float> expected = pixels((folder_.path() / "net").string());
    ASSERT_EQ(expected.size(), 32U * 32U * 3U);
    EXPECT_EQ(pixels(write("a.safetensors", in_ldm_names(tensors, "control_model."))), expected);
    EXPECT_EQ(pixels(write("b.safetensors", in_ldm_names(tensors, ""))), expected);
    EXPECT_EQ(pixels(write("c.safetensors", tensors)), expected);
    EXPECT_EQ(pixels((folder_.path() / "net/diffusion_pytorch_model.safetensors").string()),
              expected);
  }
  TemporaryFolder folder_;
};

TEST_F(ControlNetFiles, GiveTheBitsOfTheFolderOfTheSameWeights) {
  expect_bits_of_the_folder(testing::tiny_stable_diffusion(1, testing::kTinyVocabulary));
}

TEST_F(ControlNetFiles, OfStableDiffusion2GiveTheBitsOfTheFolder) {
  expect_bits_of_the_folder(testing::tiny_stable_diffusion(2, testing::kTinyVocabulary));
}

TEST_F(ControlNetFiles, OfSdxlGiveTheBitsOfTheFolder) {
  expect_bits_of_the_folder(testing::tiny_sdxl(testing::kTinyVocabulary));
}

TEST_F(ControlNetFiles, BadOnesAreRefusedByName) {
  const auto configs = testing::tiny_stable_diffusion(1, testing::kTinyVocabulary);
  const auto tensors =
      in_ldm_names(tensors_of(configs.unet, config_of(configs.unet)), "control_model.");
  const auto refused = [&](ErrorCode code, const std::vector<std::string>& words,
                           const std::function<void(std::vector<TensorToWrite>&)>& change) {
    auto changed = tensors;
    change(changed);
    const std::string file = write("net.safetensors", changed);
    expect_error([&] { weights::open_controlnet_file(file); }, code, words);
  };
  const auto add = [](const char* name) {
    return [name](std::vector<TensorToWrite>& all) { all.push_back({name, {1}, {1}}); };
  };
  refused(ErrorCode::unsupported, {"difference"}, add("difference"));
  refused(ErrorCode::unsupported, {"ControlNet-Union", "task_embedding"}, add("task_embedding"));
  refused(ErrorCode::unsupported, {"ControlNet-LLLite"}, add("lllite_unet_input_blocks.a"));
  refused(ErrorCode::unsupported, {"control LoRA"}, add("lora_controlnet"));
  refused(ErrorCode::unsupported, {"T2I-Adapter"}, add("adapter.body.0.resnets.0.block1.weight"));
  refused(ErrorCode::unsupported, {"T2I-Adapter"}, add("body.0.block1.weight"));
  refused(ErrorCode::unsupported, {"an IP-Adapter"}, add("ip_adapter.1.to_k_ip.weight"));
  const auto without = [](const std::string& part) {
    return [part](std::vector<TensorToWrite>& all) {
      std::erase_if(all, [&](const TensorToWrite& tensor) {
        return tensor.name.find(part) != std::string::npos;
      });
    };
  };
  refused(ErrorCode::corrupt_file, {"a part of a ControlNet", "input_hint_block.10", "missing"},
          [&](auto& all) { without("hint_block.12.")(all), without("hint_block.14.")(all); });
  for (const char* part : {"input_blocks.0.0.weight", "middle_block.0.in_layers.0.weight",
                           "time_embed.0.weight", "zero_convs.0.0.weight", "input_blocks.5."}) {
    refused(ErrorCode::corrupt_file, {"a part of a ControlNet", part, "missing"}, without(part));
  }
  const auto six = [](const char* first) {
    return [first](std::vector<TensorToWrite>& all) {
      const auto found = std::ranges::find(all, first, &TensorToWrite::name);
      found->dims[1] = 6;
      found->values.resize(2 * found->values.size());
    };
  };
  refused(ErrorCode::unsupported, {"6 channels", "TemporalNet"},
          six("control_model.input_hint_block.0.weight"));
  refused(ErrorCode::unsupported, {"6 channels", "TemporalNet"}, [&](auto& all) {
    all = tensors_of(configs.unet, config_of(configs.unet));
    six("controlnet_cond_embedding.conv_in.weight")(all);
  });
  refused(ErrorCode::corrupt_file, {"a part of a ControlNet", "blocks.3", "conv_out", "missing"},
          [&](auto& all) {
            all = tensors_of(configs.unet, config_of(configs.unet));
            without("embedding.blocks.4.")(all), without("embedding.blocks.5.")(all);
          });
  refused(ErrorCode::unsupported, {"holds no ControlNet"},
          [](std::vector<TensorToWrite>& all) { all.resize(1); });
  refused(ErrorCode::corrupt_file, {"input_hint_block.12", "missing"}, [](auto& all) {
    std::erase_if(all, [](const TensorToWrite& tensor) {
      return tensor.name.find("input_hint_block.14.") != std::string::npos;
    });
  });

  testing::write_folder(configs, folder_.path() / "model");
  auto less = tensors;
  std::erase_if(less, [](const TensorToWrite& tensor) {
    return tensor.name == "control_model.zero_convs.1.0.weight";
  });
  expect_error([&] { pixels(write("less.safetensors", less)); }, ErrorCode::corrupt_file,
               {"less.safetensors", "controlnet_down_blocks.1.weight"});
}

}  // namespace
}  // namespace streamdiffusion

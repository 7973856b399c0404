// No op may fall to a slow path of the library: the included model's, and those of Stable
// Diffusion's widths and head sizes.
#include <gtest/gtest.h>

#include <utility>

#include "backend/backend.h"
#include "json/json.h"
#include "models/unet.h"
#include "streamdiffusion/streamdiffusion.h"

namespace streamdiffusion {
namespace {

bool has_avx512(const backend::Device& device) {
  return device.supports(tensor::DType::bf16);
}

/// Where AVX512 has to emulate bf16, f32 is what `auto` takes.
bool is_native(tensor::DType dtype, const backend::Device& device) {
  const std::string isa = device.description();
  return dtype == tensor::DType::f32 || isa.ends_with("AVX512-BF16") || isa.ends_with("AMX");
}

/// Below AVX512 the library has nothing but its `gemm` for products; everywhere else it is slow.
bool is_slow(const std::string& implementation, bool avx512) {
  if (implementation.find("ref") != std::string::npos) return true;
  return avx512 && implementation.find("gemm") != std::string::npos;
}

constexpr std::pair<DataType, tensor::DType> kTypes[]{{DataType::f32, tensor::DType::f32},
                                                      {DataType::bf16, tensor::DType::bf16}};

TEST(Implementations, OfTheEmbeddedModelAreAllFast) {
  const auto device = backend::make_device("cpu");
  for (const auto& [dtype, stored] : kTypes) {
    if (!is_native(stored, *device)) continue;
    Engine engine =
        Engine::open({.model = SD_SOURCE_DIR "/models/pictogram", .device = "cpu", .dtype = dtype});
    for (const std::vector<int>& list : {std::vector<int>{32}, {18, 32}, {0, 16, 32, 45}}) {
      const Session session = engine.session({.t_index_list = list});
      for (const OpInfo& op : engine.ops(session)) {
        EXPECT_FALSE(is_slow(op.implementation, has_avx512(*device)))
            << op.stage << " " << op.name << ": " << op.implementation;
      }
    }
  }
}

struct Family {
  const char* name;
  const char* heads;
  const char* projection;
};

/// Stable Diffusion's two widest shapes of image, one resnet and transformer each.
constexpr Family kFamilies[]{{"sd15", "8", "false"}, {"sd-turbo", "[5, 10]", "true"}};

std::string unet_json(const Family& family) {
  return std::string(R"({"_class_name": "UNet2DConditionModel", "in_channels": 4, "out_channels": 4,
    "block_out_channels": [320, 640], "layers_per_block": 1, "cross_attention_dim": 768,
    "down_block_types": ["CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
    "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D"], "attention_head_dim": )") +
         family.heads + R"(, "use_linear_projection": )" + family.projection + "}";
}

TEST(Implementations, OfStableDiffusionsShapesAreAllFast) {
  const auto device = backend::make_device("cpu");
  for (const Family& family : kFamilies) {
    const models::UNetConfig config =
        models::unet_config(json::Json::parse(unet_json(family), family.name));
    for (const tensor::DType dtype : {tensor::DType::f32, tensor::DType::bf16}) {
      if (!is_native(dtype, *device)) continue;
      std::vector<graph::Graph> row_groups;
      row_groups.push_back(models::build_unet(
          config,
          {.rows = 1, .h = 64, .w = 64, .tokens = 77, .kv_rows = {0}, .activations = dtype}));
      const auto executable = device->compile(
          std::move(row_groups), {family.name, [](const graph::Weight&, std::span<float> out) {
                                    std::ranges::fill(out, 0.01F);
                                  }});
      for (const backend::OpReport& op : executable->report()) {
        EXPECT_FALSE(is_slow(op.implementation, has_avx512(*device)))
            << family.name << " " << op.name << ": " << op.implementation;
      }
    }
  }
}

}  // namespace
}  // namespace streamdiffusion

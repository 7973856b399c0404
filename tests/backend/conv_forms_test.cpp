// Which form a convolution takes, for typical layers of the models: a form that stops applying, or
// one that takes what another does faster, is no wrong number and would not be seen otherwise.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "backend/backend.h"
#include "backend/small_graph.h"

namespace streamdiffusion::backend::test {
namespace {

struct Layer {
  const char* what;
  std::int64_t side, in;
  graph::ConvOptions options;
  /// Of the implementation's name. "direct" is oneDNN's own name, without a form.
  const char* form;
};

/// The name of what runs a layer in f32.
std::string implementation_of(Device& device, const Layer& layer) {
  graph::Builder b(tensor::DType::f32);
  const graph::Value x = frame_input(b, "x", {1, layer.side, layer.side, layer.in});
  b.output("y", b.conv2d(x, graph::Name("conv"), layer.options));
  std::vector<graph::Graph> graphs;
  graphs.push_back(b.finish());
  const auto zeros = [](const graph::Weight&, std::span<float> out) { std::ranges::fill(out, 0); };
  const auto executable = device.compile(std::move(graphs), {layer.what, zeros});
  for (const OpReport& op : executable->report()) {
    if (op.kind == graph::Conv2d::kName) return op.implementation;
  }
  return "no convolution";
}

std::string form_of(const std::string& implementation) {
  for (const char* form :
       {"winograd_4x4", "winograd_2x2", "upsample2x", "few_channel", "blocked", "split_k"}) {
    if (implementation.starts_with(form)) return form;
  }
  return "direct";
}

TEST(ConvForms, TypicalLayersTakeTheirForm) {
  const std::vector<std::string> devices = device_names();
  if (std::ranges::find(devices, "cpu") == devices.end()) GTEST_SKIP() << "built without it";
  const auto device = make_device("cpu", {.threads = 1});
  const bool avx512 = device->description().find("AVX512") != std::string::npos ||
                      device->description().find("AMX") != std::string::npos;
  const char* many_channels = avx512 ? "direct" : "blocked";
  const std::array layers{
      Layer{"autoencoder, 64 channels", 64, 64, {.out = 64}, "winograd_4x4"},
      Layer{"UNet, 320 channels on 32x32", 32, 320, {.out = 320}, "winograd_4x4"},
      Layer{"UNet, 640 channels on 16x16", 16, 640, {.out = 640}, "winograd_2x2"},
      Layer{"UNet, 1280 channels on 8x8", 8, 1280, {.out = 1280}, many_channels},
      Layer{"upsampling, 64 channels", 32, 64, {.out = 64, .upsample2x = true}, "upsample2x"},
      Layer{"upsampling, 128 channels", 32, 128, {.out = 128, .upsample2x = true}, "winograd_4x4"},
      Layer{"from an image", 64, 3, {.out = 64}, "few_channel"},
      Layer{"to latents", 64, 64, {.out = 4}, "few_channel"},
      Layer{"downsampling", 64, 64, {.out = 64, .stride = 2}, many_channels},
      Layer{"shortcut", 16, 320, {.out = 640, .kernel = 1}, "direct"},
  };
  for (const Layer& layer : layers) {
    const std::string name = implementation_of(*device, layer);
    EXPECT_EQ(form_of(name), layer.form) << layer.what << ": " << name;
  }
}

}  // namespace
}  // namespace streamdiffusion::backend::test

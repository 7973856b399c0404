// What a frame of each architecture may cost in ops, memory and traffic: a guard that no noise can
// trip. A change that lowers a figure writes the new one here; one that raises it has to say why.
#include <gtest/gtest.h>

#include "graph/memory_plan.h"
#include "models/autoencoder.h"
#include "models/unet.h"
#include "support.h"

namespace streamdiffusion::models {
namespace {

struct Budget {
  /// That run once a frame.
  int ops = 0;
  /// MiB: read and written by those, weights included; at once.
  double traffic = 0, arena = 0;
};

Budget cost(const graph::Graph& graph) {
  const graph::MemoryPlan plan = graph::plan_memory(graph);
  Budget found{.arena = static_cast<double>(plan.arena_bytes) / (1 << 20)};
  for (const int op : plan.programs[static_cast<std::size_t>(graph::Lifetime::per_frame)]) {
    ++found.ops;
    found.traffic += graph.bytes(graph.ops[static_cast<std::size_t>(op)]) / (1 << 20);
  }
  return found;
}

void expect_within(const Budget& found, const Budget& allowed) {
  EXPECT_LE(found.ops, allowed.ops);
  EXPECT_LE(found.traffic, allowed.traffic);
  EXPECT_LE(found.arena, allowed.arena);
}

graph::Graph unet(const json::Json& config, std::int64_t latent, int rows) {
  return build_unet(unet_config(config),
                    {.rows = rows,
                     .h = latent,
                     .w = latent,
                     .kv_rows = std::vector<int>(static_cast<std::size_t>(rows)),
                     .activations = tensor::DType::bf16});
}

json::Json pictogram(const std::string& component) {
  return json::Json::read(SD_SOURCE_DIR "/models/pictogram/" + component + "/config.json");
}

const ImageShape kSmall{.height = 256, .width = 256, .activations = tensor::DType::bf16};
const ImageShape kLarge{.height = 512, .width = 512, .activations = tensor::DType::bf16};

TEST(Budget, UNets) {
  expect_within(cost(unet(parse(find_preset("sd-turbo").unet), 64, 1)), {381, 2910, 25});
  expect_within(cost(unet(parse(find_preset("sd15").unet), 64, 1)), {381, 2910, 25});
  expect_within(cost(unet(parse(find_preset("sd15").unet), 64, 4)), {381, 6980, 100});
  expect_within(cost(unet(pictogram("unet"), 16, 2)), {210, 43.1, 0.79});
}

TEST(Budget, Autoencoders) {
  const AutoencoderConfig tiny = autoencoder_config(parse(find_preset("sd15").autoencoder));
  expect_within(cost(build_encoder(tiny, kLarge)), {37, 536, 96});
  expect_within(cost(build_decoder(tiny, kLarge)), {38, 537, 96});
  const AutoencoderConfig own = autoencoder_config(pictogram("vae"));
  expect_within(cost(build_encoder(own, kSmall)), {35, 24.4, 5});
  expect_within(cost(build_decoder(own, kSmall)), {46, 33.5, 5});
}

}  // namespace
}  // namespace streamdiffusion::models

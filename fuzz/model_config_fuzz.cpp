// Reads any bytes as the configs of a model: the first byte says of which component. What is
// accepted is built as a graph of the smallest size. Only base::Error may be thrown, and none that
// says the program is at fault.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "json/json.h"
#include "models/autoencoder.h"
#include "models/clip_text.h"
#include "models/count_parameters.h"
#include "models/unet.h"
#include "schedule/schedule.h"
#include "schedule/scheduler_config.h"
#include "weights/model_folder.h"

namespace {

using namespace streamdiffusion;

/// Graphs of thousands of layers take seconds to build.
constexpr std::int64_t kMaxChannels = 4096, kMaxLayers = 64;

void build(const models::UNetConfig& unet) {
  std::int64_t layers = 0;
  for (const models::UNetConfig::Level& level : unet.levels) {
    if (level.channels > kMaxChannels) return;
    layers += level.layers;
    for (const auto& depths : {level.down_transformers, level.up_transformers}) {
      for (const std::int64_t depth : depths) layers += depth;
    }
  }
  if (layers > kMaxLayers || unet.levels.size() > 6) return;
  const std::int64_t side = std::int64_t{1} << (unet.levels.size() - 1);
  const std::vector<graph::Graph> graphs{
      models::build_unet(unet, {.rows = 1, .h = side, .w = side, .tokens = 4, .kv_rows = {0}})};
  (void)models::required_tensors(graphs);
}

void build(const models::ClipTextConfig& text) {
  if (text.layers > kMaxLayers) return;
  for (const auto output : {models::ClipTextOutput::last, models::ClipTextOutput::penultimate,
                            models::ClipTextOutput::penultimate_and_projected}) {
    (void)models::build_clip_text(text, {.prompts = 1, .tokens = 1, .output = output});
  }
}

void build(const models::AutoencoderConfig& autoencoder) {
  const std::int64_t factor = models::vae_scale_factor(autoencoder);
  if (factor > 64) return;
  const models::ImageShape image{
      .frames = 1, .height = static_cast<int>(factor), .width = static_cast<int>(factor)};
  (void)models::build_encoder(autoencoder, image);
  (void)models::build_decoder(autoencoder, image);
}

void read(std::uint8_t kind, const json::Json& config) {
  switch (kind % 5) {
    case 0:
      return build(models::unet_config(config));
    case 1:
      return build(models::clip_text_config(config));
    case 2:
      return build(models::autoencoder_config(config));
    case 3: {
      const schedule::Schedule schedule(schedule::scheduler_config(config));
      (void)schedule.grid({});
      return;
    }
    default:
      (void)weights::parse_model_defaults(config);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  try {
    read(data[0], json::Json::parse(text, "config.json", {.bytes = 1 << 16, .values = 4096}));
  } catch (const base::Error& error) {
    if (error.code() == base::ErrorCode::internal) __builtin_trap();
  }
  return 0;
}

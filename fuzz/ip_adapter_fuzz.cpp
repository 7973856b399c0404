// Reads any bytes as what an IP-Adapter's file says of itself, {"NAME": [SHAPE], ...}, or, after a
// first byte of "e", as its image encoder's config. What is accepted is built as graphs. Only
// base::Error may be thrown, and none that says the program is at fault.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "json/json.h"
#include "models/count_parameters.h"
#include "models/ip_adapter.h"

namespace {

using namespace streamdiffusion;

void read_encoder(const json::Json& json) {
  const models::ClipVisionConfig config = models::clip_vision_config(json);
  for (const auto output :
       {models::ClipVisionOutput::projected, models::ClipVisionOutput::penultimate}) {
    (void)models::clip_vision_tensors(config, output);
  }
}

void read_adapter(const json::Json& json) {
  if (!json.is(json::Json::Kind::object)) return;
  std::vector<tensor::TensorSpec> tensors;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const auto [name, dims] = json.member(i);
    tensors.push_back({std::string(name), dims.integers(0)});
  }
  (void)models::image_projection_tensors(models::ip_adapter_config(tensors, "fuzz"));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const bool encoder = size > 0 && data[0] == 'e';
  const std::string_view text(reinterpret_cast<const char*>(data) + (encoder ? 1 : 0),
                              size - (encoder ? 1 : 0));
  try {
    const json::Json json =
        json::Json::parse(text, "fuzz", {.bytes = 1 << 16, .values = 4096, .depth = 8});
    encoder ? read_encoder(json) : read_adapter(json);
  } catch (const base::Error& error) {
    if (error.code() == base::ErrorCode::internal) __builtin_trap();
  }
  return 0;
}

// Each conversion is one convert op: out = scale * in + shift.
#include "models/image_io.h"

#include "base/error.h"
#include "models/config_reader.h"

namespace streamdiffusion::models {

using graph::Builder;
using graph::Lifetime;
using graph::Value;
using tensor::DType;

LatentScale read_latent_scale(ConfigReader& config, double default_scale) {
  LatentScale latent;
  latent.scale = config.number("scaling_factor", default_scale, 1e-6, 1e6);
  const auto shift = config.value("shift_factor");
  if (shift && shift->is(json::Json::Kind::null)) return latent;
  latent.shift = config.number("shift_factor", 0, -1e6, 1e6);
  return latent;
}

void check_image(const ImageShape& shape, std::int64_t factor, std::string_view model) {
  constexpr std::int64_t kMaxSide = 1 << 16;
  const auto check = [&](const char* what, std::int64_t found) {
    base::require(found >= 1 && found <= kMaxSide && found % factor == 0,
                  base::ErrorCode::invalid_argument, model, ": image ", what, " is ", found,
                  ", expected a multiple of ", factor, " up to ", kMaxSide);
  };
  check("height", shape.height);
  check("width", shape.width);
  base::require(shape.frames >= 1 && shape.frames <= 1024, base::ErrorCode::invalid_argument, model,
                ": number of frames is ", shape.frames, ", expected 1 to 1024");
}

Value pixels_input(Builder& b, const ImageShape& shape, float scale, float shift) {
  const Value pixels = b.input("pixels", {{shape.frames, shape.height, shape.width, 3}, DType::u8},
                               Lifetime::per_frame);
  return b.convert(pixels, {.scale = scale, .shift = shift, .to = shape.activations});
}

void latents_output(Builder& b, Value z, LatentScale latent) {
  b.output("latents", b.convert(z, {.scale = latent.scale,
                                    .shift = -latent.shift * latent.scale,
                                    .to = DType::f32}));
}

Value latents_input(Builder& b, const ImageShape& shape, std::int64_t factor, std::int64_t channels,
                    LatentScale latent) {
  const Value latents =
      b.input("latents",
              {{shape.frames, shape.height / factor, shape.width / factor, channels}, DType::f32},
              Lifetime::per_frame);
  return b.convert(latents, {.scale = 1 / latent.scale, .shift = latent.shift, .to = DType::f32});
}

void image_outputs(Builder& b, const ImageShape& shape, Value y, float scale, float shift) {
  b.output("pixels",
           b.convert(y, {.scale = 127.5F * scale, .shift = 127.5F * (shift + 1), .to = DType::u8}));
  if (shape.image) {
    b.output("image", b.convert(y, {.scale = scale, .shift = shift, .to = DType::f32}));
  }
}

}  // namespace streamdiffusion::models

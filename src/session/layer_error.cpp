#include "session/layer_error.h"

#include <algorithm>

namespace streamdiffusion::session {
namespace {

std::vector<float> encode(backend::Executable& encoder, const Image& image) {
  const auto state = encoder.make_state();
  std::copy(image.rgb.begin(), image.rgb.end(), state->input("pixels").as<std::uint8_t>());
  encoder.run(graph::Lifetime::per_frame, *state);
  const tensor::View out = state->output("latents");
  return {out.as<float>(), out.as<float>() + out.desc.shape.elements()};
}

std::vector<std::uint8_t> decode(backend::Executable& decoder, const std::vector<float>& latents) {
  const auto state = decoder.make_state();
  std::copy(latents.begin(), latents.end(), state->input("latents").as<float>());
  decoder.run(graph::Lifetime::per_frame, *state);
  const tensor::View out = state->output("pixels");
  return {out.as<std::uint8_t>(), out.as<std::uint8_t>() + out.desc.shape.elements()};
}

AutoencoderKey key_of(const Image& image) {
  return {.frames = 1, .height = image.height, .width = image.width, .image = false};
}

}  // namespace

double mean_squared_error(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = static_cast<double>(a[i]) - b[i];
    sum += difference * difference;
  }
  return sum / static_cast<double>(a.size());
}

LayerError::LayerError(const Engine::Impl& engine, const Image& image)
    : engine_(engine),
      image_(image),
      exact_(engine.model, *engine.device, engine.dtype, nullptr),
      encoder_(exact_.encoder(key_of(image))),
      decoder_(exact_.decoder(key_of(image))),
      latents_(encode(*encoder_, image)),
      decoded_(decode(*decoder_, latents_)) {}

double LayerError::error_of(const std::string& op, const graph::ActivationRange& range,
                            bool in_decoder) {
  const CalibrationTable one{.autoencoder = {{op, range}}};
  ExecutableCache executables(engine_.model, *engine_.device, engine_.dtype, &one);
  const auto image = in_decoder
                         ? decode(*executables.decoder(key_of(image_)), latents_)
                         : decode(*decoder_, encode(*executables.encoder(key_of(image_)), image_));
  return mean_squared_error(image, decoded_);
}

}  // namespace streamdiffusion::session

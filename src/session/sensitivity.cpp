#include "session/sensitivity.h"

#include <algorithm>

namespace streamdiffusion::session {
namespace {

std::vector<float> encode(backend::Executable& encoder, const Image& picture) {
  const auto state = encoder.make_state();
  std::copy(picture.rgb.begin(), picture.rgb.end(), state->input("pixels").as<std::uint8_t>());
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

PicturePlan plan_of(const Image& picture) {
  return {.frames = 1, .height = picture.height, .width = picture.width, .image = false};
}

}  // namespace

double squared_difference(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = static_cast<double>(a[i]) - b[i];
    sum += difference * difference;
  }
  return sum / static_cast<double>(a.size());
}

RoundTrip::RoundTrip(const Engine::Impl& engine, const Image& picture)
    : engine_(engine),
      picture_(picture),
      exact_(engine.model, *engine.device, engine.dtype, nullptr),
      encoder_(exact_.encoder(plan_of(picture))),
      decoder_(exact_.decoder(plan_of(picture))),
      latents_(encode(*encoder_, picture)),
      decoded_(decode(*decoder_, latents_)) {}

double RoundTrip::cost(const std::string& product, const graph::Range& range, bool decoder) {
  const Quantisation one{.autoencoder = {{product, range}}};
  Plans plans(engine_.model, *engine_.device, engine_.dtype, &one);
  const auto picture = decoder
                           ? decode(*plans.decoder(plan_of(picture_)), latents_)
                           : decode(*decoder_, encode(*plans.encoder(plan_of(picture_)), picture_));
  return squared_difference(picture, decoded_);
}

}  // namespace streamdiffusion::session

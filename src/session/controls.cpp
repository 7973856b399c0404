#include "session/controls.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "control/check.h"
#include "params/limits.h"

namespace streamdiffusion::session {
namespace {

using base::ErrorCode;

std::span<std::byte> bytes_of(const tensor::View& view) {
  return {view.as<std::byte>(), view.desc.bytes()};
}

/// The share of the scale for residual `i` of `count`: in guess mode from a tenth to all of it in
/// even ratios (diffusers' ControlNetModel).
float share_of_residual(bool guess_mode, std::int64_t i, std::int64_t count) {
  if (!guess_mode) return 1;
  return std::pow(10.0F, static_cast<float>(i) / static_cast<float>(count - 1) - 1);
}

}  // namespace

std::vector<int> enabled_controlnets(const SessionOptions& options) {
  std::vector<int> enabled;
  for (std::size_t i = 0; i < options.control_settings.size(); ++i) {
    if (options.control_settings[i].enabled) enabled.push_back(static_cast<int>(i));
  }
  return enabled;
}

void resolve_preprocessors(const Model& model, std::vector<ControlSettings>& settings) {
  const std::size_t count = std::min(settings.size(), model.controlnets().size());
  for (std::size_t i = 0; i < count; ++i) {
    Preprocessor& preprocessor = settings[i].image.preprocessor;
    if (preprocessor != Preprocessor::automatic) continue;
    preprocessor = model.controlnets()[i].settings.image.preprocessor;
  }
}

void check_control_settings(const Model& model, const SessionOptions& o) {
  base::require(o.control_settings.size() == model.controlnets().size(),
                ErrorCode::invalid_argument, "control_settings has ", o.control_settings.size(),
                " entries, expected one for each of the ", model.controlnets().size(),
                " ControlNets");
  for (std::size_t i = 0; i < o.control_settings.size(); ++i) {
    const ControlSettings& s = o.control_settings[i];
    const std::string name = base::concat("control_settings[", i, "]");
    base::require(s.scale >= 0 && s.scale <= params::kMaxScale, ErrorCode::invalid_argument, name,
                  ": scale is ", s.scale, ", expected 0 to ", params::kMaxScale);
    base::require(s.start >= 0 && s.end <= 1 && s.start < s.end, ErrorCode::invalid_argument, name,
                  ": start is ", s.start, " and end ", s.end,
                  ", expected 0 to 1, the start before the end");
    try {
      control::check(s.image);
    } catch (const base::Error& error) {
      base::fail(error.code(), name, ": ", error);
    }
  }
}

AutoencoderKey autoencoder_key(const SessionOptions& o) {
  return {o.frame_buffer_size, *o.height, *o.width, false};
}

void copy_pixels(const ImageView& image, const tensor::View& to) {
  auto* pixels = to.as<std::uint8_t>();
  const std::size_t row = static_cast<std::size_t>(image.width) * 3;
  for (int y = 0; y < image.height; ++y)
    std::memcpy(pixels + static_cast<std::size_t>(y) * row, image.data + y * image.stride, row);
}

void Controls::set(ExecutableCache& executables, const SessionOptions& options,
                   const std::stop_token& stop) {
  std::vector<Net> added;
  const std::vector<int> enabled = enabled_controlnets(options);
  const auto known = [&](int number) {
    return std::ranges::find(nets_, number, &Net::number) != nets_.end();
  };
  for (const int number : enabled) {
    if (!known(number)) added.push_back(open_net(executables, options, number, stop));
  }
  std::erase_if(nets_, [&](const Net& net) {
    return std::ranges::find(enabled, net.number) == enabled.end();
  });
  for (Net& net : added) nets_.push_back(std::move(net));
  settings_ = options.control_settings;
}

Controls::Net Controls::open_net(ExecutableCache& executables, const SessionOptions& options,
                                 int number, const std::stop_token& stop) const {
  Program embedding(executables.control_embedding(number, autoencoder_key(options), stop));
  const std::size_t frame = embedding.state->output("control").rows(0, 1).desc.bytes();
  return {number, std::move(embedding), stream::FrameRows(layout_, frame),
          std::vector<bool>(static_cast<std::size_t>(layout_.frames))};
}

bool Controls::copy_images(std::span<const ImageView> images, const ImageView& frame, int slot) {
  bool all = true;
  for (Net& net : nets_) {
    const auto number = static_cast<std::size_t>(net.number);
    const tensor::View to = net.embedding.state->input("pixels").rows(slot, 1);
    const bool own = number < images.size() && images[number].data != nullptr;
    const bool has_image = own || frame.data != nullptr;
    const ControlImageOptions& how = settings_[number].image;
    if (own) {
      copy_pixels(images[number], to);
    } else if (has_image && how.preprocessor == Preprocessor::passthrough) {
      copy_pixels(frame, to);
    } else if (has_image) {
      copy_pixels(control_image(frame, how), to);
    }
    net.gathered[static_cast<std::size_t>(slot)] = has_image;
    all &= has_image;
  }
  return all;
}

void Controls::enter(bool frames, const std::function<void(const Program&)>& run) {
  for (Net& net : nets_) {
    if (frames) run(net.embedding);
    net.rows.enter(bytes_of(net.embedding.state->output("control")), net.gathered);
    std::fill(net.gathered.begin(), net.gathered.end(), false);
  }
}

void Controls::write_images(const backend::State& unet) const {
  for (const Net& net : nets_)
    net.rows.write(bytes_of(unet.input(numbered("control", net.number))));
}

void Controls::write_scales(const backend::State& unet, int first_step, int steps) const {
  for (const Net& net : nets_) {
    const tensor::View scales = unet.input(numbered("control_scales", net.number));
    const std::int64_t residuals = scales.desc.shape.c;
    const bool guess = settings_[static_cast<std::size_t>(net.number)].guess_mode;
    auto* out = scales.as<float>();
    for (int row = 0; row < layout_.unet_rows(); ++row) {
      const float scale = row_scale(net, row, first_step, steps);
      for (std::int64_t i = 0; i < residuals; ++i)
        *out++ = scale * share_of_residual(guess, i, residuals);
    }
  }
}

float Controls::row_scale(const Net& net, int unet_row, int first_step, int steps) const {
  const ControlSettings& s = settings_[static_cast<std::size_t>(net.number)];
  const int row = layout_.stream_row(unet_row);
  const int step = first_step + layout_.step_of(row);
  const auto share = [&](int i) { return static_cast<float>(i) / static_cast<float>(steps); };
  const bool negative = unet_row < layout_.negative_rows();
  const bool acts = s.start <= share(step) && share(step + 1) <= s.end &&
                    !(s.guess_mode && negative) && net.rows.filled(row);
  return acts ? s.scale : 0;
}

void Controls::for_each_executable(
    const std::function<void(const backend::Executable&)>& visit) const {
  for (const Net& net : nets_) visit(*net.embedding.executable);
}

}  // namespace streamdiffusion::session

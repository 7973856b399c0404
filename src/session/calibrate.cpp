#include "session/calibrate.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/clock.h"
#include "base/input_file.h"
#include "base/log.h"
#include "base/user_cache.h"
#include "session/layer_error.h"
#include "session/session_impl.h"
#include "session/session_options.h"

namespace streamdiffusion::session {
namespace {

/// Lower limits of the signal-to-noise ratio of the UNet's quantized inputs, in dB. They are tried
/// in this order.
constexpr std::array kMinSnr{24.0, 30.0, 36.0, 42.0};
/// Lower limit of the PSNR to the images of the engine's own type, in dB.
constexpr double kMinPsnr = 35.5;
/// Ops with a smaller share of the work keep their type.
constexpr double kMinFlopShare = 5e-4;
/// The autoencoder's share of the error budget that kMinPsnr allows.
constexpr double kAutoencoderShare = 0.6;
constexpr double kPeak = 255;

/// An op that has an int8 form.
struct Candidate {
  std::string stage, name;
  backend::ActivationStats input;
  double flops = 0;
};

double decibels(double ratio) {
  return 10 * std::log10(ratio);
}

/// Signal-to-noise ratio of the values quantized to 256 steps, in dB. The error of rounding to a
/// step has the variance step^2 / 12.
double snr(const backend::ActivationStats& input) {
  const double step = graph::choose_quant_params(input.range).scale;
  return decibels(input.mean_square / (step * step / 12));
}

/// A synthetic frame: colored discs on a gradient with a little noise, which has the flat areas and
/// edges of drawings and the grain of photographs.
Image drawing(int width, int height, int number) {
  Image image{width, height,
              std::vector<std::uint8_t>(static_cast<std::size_t>(width) *
                                        static_cast<std::size_t>(height) * 3)};
  std::uint32_t state = 12345 + 977 * static_cast<std::uint32_t>(number);
  const auto draw = [&] { return (state = state * 1664525 + 1013904223) >> 8U; };
  struct Disc {
    double x, y, radius;
    std::array<double, 3> color;
  };
  std::vector<Disc> discs;
  const auto share = [&] { return static_cast<double>(draw() % 1000) / 1000; };
  for (int i = 0; i < 7; ++i) {
    discs.push_back({share(), share(), 0.05 + 0.3 * share(), {share(), share(), share()}});
  }
  auto* out = image.rgb.data();
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const double u = (x + 0.5) / width, v = (y + 0.5) / height;
      std::array<double, 3> color{1 - 0.5 * u, 0.9 - 0.3 * v, 0.6 + 0.4 * u * v};
      for (const Disc& disc : discs) {
        if (std::hypot(u - disc.x, v - disc.y) < disc.radius) color = disc.color;
      }
      const double grain = 0.04 * (share() - 0.5);
      for (const double c : color)
        *out++ = static_cast<std::uint8_t>(255 * std::clamp(c + grain, 0.0, 1.0));
    }
  }
  return image;
}

/// One engine with one session, which generates an image for each frame.
class CalibrationRun {
 public:
  CalibrationRun(const EngineOptions& options, Engine::Impl::Extras extras)
      : engine_(std::make_shared<Engine::Impl>(options, std::move(extras))),
        session_(engine_, session_options()) {}

  std::vector<Image> generate(std::span<const Image> frames) {
    std::vector<Image> images;
    const auto take = [&] {
      for (Output& output : session_.pop_all()) images.push_back(std::move(output.image));
    };
    for (const Image& frame : frames) {
      session_.push(frame);
      take();
    }
    session_.flush();
    take();
    return images;
  }

  std::vector<Candidate> candidates() const {
    std::vector<Candidate> found;
    session_.for_each_executable(
        [&](const std::string& stage, const backend::Executable& executable) {
          for (const backend::OpReport& op : executable.report()) {
            if (op.input_stats.count == 0 || op.lifetime != graph::Lifetime::per_frame) continue;
            found.push_back({stage, op.name, op.input_stats, op.flops});
          }
        });
    return found;
  }

  SessionOptions session_options() const {
    return with_defaults(engine_->model, {.parallel = Parallel::ops});
  }

 private:
  std::shared_ptr<Engine::Impl> engine_;
  Session::Impl session_;
};

/// The UNet ops whose quantized input has at least this signal-to-noise ratio.
graph::ActivationRanges with_snr(const std::vector<Candidate>& candidates, double least) {
  graph::ActivationRanges chosen;
  for (const Candidate& op : candidates) {
    if (op.stage == "unet" && snr(op.input) >= least) chosen[op.name] = op.input.range;
  }
  return chosen;
}

/// The autoencoder ops with the least error for their work, as many as the error budget (a mean
/// squared error) allows.
graph::ActivationRanges within_budget(const std::vector<Candidate>& candidates,
                                      LayerError& layer_error, double budget) {
  struct Measured {
    const Candidate* op;
    double error;
    double error_per_flop() const { return error / op->flops; }
  };
  std::vector<Measured> measured;
  for (const Candidate& op : candidates) {
    if (op.stage == "unet") continue;
    const bool in_decoder = op.stage == "decode";
    measured.push_back({&op, layer_error.error_of(op.name, op.input.range, in_decoder)});
  }
  std::sort(measured.begin(), measured.end(), [](const Measured& a, const Measured& b) {
    return a.error_per_flop() < b.error_per_flop();
  });
  graph::ActivationRanges chosen;
  for (const auto& [op, error] : measured) {
    budget -= error;
    if (budget < 0) break;
    chosen[op->name] = op->input.range;
  }
  return chosen;
}

/// Peak signal-to-noise ratio over all pixels of all images, in dB.
double psnr(const std::vector<Image>& found, const std::vector<Image>& expected) {
  double sum = 0;
  for (std::size_t i = 0; i < expected.size(); ++i)
    sum += mean_squared_error(found[i].rgb, expected[i].rgb);
  const double mean = sum / static_cast<double>(expected.size());
  return mean > 0 ? decibels(kPeak * kPeak / mean) : 99;
}

/// A drawing of half the size, with sides that the model accepts.
Image half_drawing(const Model& model, const SessionOptions& options) {
  const auto half = [&](int side) {
    return std::max(side / 2 / model.factor(), 4) * model.factor();
  };
  return drawing(half(*options.width), half(*options.height), 0);
}

/// The given frames, or else synthetic drawings: the larger they are, the fewer.
std::vector<Image> frames_or_drawings(std::span<const Image> frames,
                                      const SessionOptions& options) {
  std::vector<Image> result(frames.begin(), frames.end());
  const int count = std::clamp((1 << 19) / (*options.width * *options.height), 2, 8);
  for (int i = 0; frames.empty() && i < count; ++i)
    result.push_back(drawing(*options.width, *options.height, i));
  return result;
}

/// Removes the ops with too little work.
void remove_small(std::vector<Candidate>& candidates) {
  double flops = 0;
  for (const Candidate& op : candidates) flops += op.flops;
  std::erase_if(candidates, [&](const Candidate& op) { return op.flops < kMinFlopShare * flops; });
}

}  // namespace

Calibration calibrate(const EngineOptions& options, std::span<const Image> given,
                      CalibrationTable& table) {
  const auto start = base::Clock::now();
  EngineOptions int8 = options;
  int8.dtype = DataType::int8;  // throws where the device has no int8
  int8.controlnets.clear();     // they keep the engine's type
  int8.ip_adapters.clear();
  Calibration result;
  std::vector<Candidate> candidates;
  std::vector<Image> frames, expected;
  {
    CalibrationRun exact(int8, {.collect_activation_stats = true});
    frames = frames_or_drawings(given, exact.session_options());
    expected = exact.generate(frames);
    candidates = exact.candidates();
  }
  result.ops = static_cast<int>(candidates.size());
  remove_small(candidates);
  const double budget = kPeak * kPeak * std::pow(10, -kMinPsnr / 10);
  {
    const Engine::Impl plain(int8, {});
    LayerError layer_error(plain, half_drawing(plain.model, with_defaults(plain.model, {})));
    table.autoencoder = within_budget(candidates, layer_error, kAutoencoderShare * budget);
  }
  for (const double least : kMinSnr) {
    table.unet = with_snr(candidates, least);
    result.int8_ops = static_cast<int>(table.unet.size() + table.autoencoder.size());
    result.psnr_db = psnr(CalibrationRun(int8, {.calibration = table}).generate(frames), expected);
    if (result.psnr_db >= kMinPsnr) break;
  }
  result.seconds = base::seconds_since(start);
  return result;
}

CalibrationTable calibration_for(const EngineOptions& options) {
  if (!options.calibration.empty()) return read_calibration(options.calibration);
  const std::filesystem::path own = std::filesystem::path(options.model) / "int8.json";
  // The file covers all parts, and the activations of the model alone.
  const bool whole = !options.model.empty() && options.vae.empty() && options.lora_dict.empty();
  if (whole && base::is_there(own)) return read_calibration(own);
  const auto cached = options.cache ? calibration_cache_file(options) : std::nullopt;
  if (cached && base::is_there(*cached)) {
    try {
      base::require_own_file(*cached);
      return read_calibration(*cached);
    } catch (const Error& error) {
      base::warn(error, "; calibrating again");
    }
  }
  base::log(base::LogLevel::notice, "calibrating the model for int8, once");
  CalibrationTable table;
  const Calibration result = calibrate(options, {}, table);
  base::log(
      base::LogLevel::notice,
      base::concat("done in ", result.seconds, " s: ", result.int8_ops, " of ", result.ops,
                   " ops in int8, images at ", result.psnr_db, " dB PSNR to those without int8"));
  if (!cached) return table;
  try {
    write_calibration(table, *cached);
  } catch (const Error& error) {
    base::warn(error, "; the calibration is not kept");
  }
  return table;
}

}  // namespace streamdiffusion::session

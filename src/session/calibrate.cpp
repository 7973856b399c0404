#include "session/calibrate.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/clock.h"
#include "base/log.h"
#include "session/sensitivity.h"
#include "session/session_impl.h"
#include "session/session_options.h"

namespace streamdiffusion::session {
namespace {

/// Signal above the rounding of the UNet's inputs, dB: the first is tried first.
constexpr std::array kLeastSignal{24.0, 30.0, 36.0, 42.0};
/// dB to the images of the engine's own type. The autoencoder may use most of the room.
constexpr double kGoodImage = 35.5;
/// A product with less of the work than this is not worth its rounding.
constexpr double kLeastShare = 5e-4;
constexpr double kAutoencoderShare = 0.6;
constexpr double kPeak = 255;

struct Product {
  std::string stage, name;
  backend::Observation input;
  double flops = 0;
};

double decibels(double ratio) {
  return 10 * std::log10(ratio);
}

/// Power of the values over that of rounding them to 256 steps.
double signal(const backend::Observation& input) {
  const double step = graph::byte_scale(input.range).scale;
  return decibels(input.mean_square / (step * step / 12));
}

/// Discs of many colors before a shade, with a little grain: like drawings, and like images.
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

/// One engine with one session, for as long as it draws the frames once.
class Trial {
 public:
  Trial(const EngineOptions& options, Engine::Impl::Extras extras)
      : engine_(std::make_shared<Engine::Impl>(options, std::move(extras))),
        session_(engine_, session_options()) {}

  std::vector<Image> draw(std::span<const Image> frames) {
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

  std::vector<Product> products() const {
    std::vector<Product> found;
    session_.for_each_executable(
        [&](const std::string& stage, const backend::Executable& executable) {
          for (const backend::OpReport& op : executable.report()) {
            if (op.input.count == 0 || op.lifetime != graph::Lifetime::per_frame) continue;
            found.push_back({stage, op.name, op.input, op.flops});
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

/// The UNet's products whose inputs bear it.
graph::Ranges with_signal(const std::vector<Product>& products, double least) {
  graph::Ranges chosen;
  for (const Product& product : products) {
    if (product.stage == "unet" && signal(product.input) >= least)
      chosen[product.name] = product.input.range;
  }
  return chosen;
}

/// The autoencoder's products, but for the dearest in noise for their work, until the rest fit into
/// the room.
graph::Ranges within_room(const std::vector<Product>& products, RoundTrip& round_trip,
                          double room) {
  struct Candidate {
    const Product* product;
    double cost;
    double dearness() const { return cost / product->flops; }
  };
  std::vector<Candidate> candidates;
  for (const Product& product : products) {
    if (product.stage == "unet") continue;
    candidates.push_back(
        {&product, round_trip.cost(product.name, product.input.range, product.stage == "decode")});
  }
  std::sort(candidates.begin(), candidates.end(),
            [](const Candidate& a, const Candidate& b) { return a.dearness() < b.dearness(); });
  graph::Ranges chosen;
  for (const Candidate& candidate : candidates) {
    room -= candidate.cost;
    if (room < 0) break;
    chosen[candidate.product->name] = candidate.product->input.range;
  }
  return chosen;
}

/// dB of the largest value, over all pixels of all images.
double peak_signal(const std::vector<Image>& found, const std::vector<Image>& expected) {
  double sum = 0;
  for (std::size_t i = 0; i < expected.size(); ++i)
    sum += squared_difference(found[i].rgb, expected[i].rgb);
  const double mean = sum / static_cast<double>(expected.size());
  return mean > 0 ? decibels(kPeak * kPeak / mean) : 99;
}

/// A drawing of half the size: sides that the model can have.
Image half_drawing(const Model& model, const SessionOptions& options) {
  const auto half = [&](int side) {
    return std::max(side / 2 / model.factor(), 4) * model.factor();
  };
  return drawing(half(*options.width), half(*options.height), 0);
}

/// The frames given, or drawings: fewer of large ones.
std::vector<Image> fitting(std::span<const Image> frames, const SessionOptions& options) {
  std::vector<Image> result(frames.begin(), frames.end());
  const int count = std::clamp((1 << 19) / (*options.width * *options.height), 2, 8);
  for (int i = 0; frames.empty() && i < count; ++i)
    result.push_back(drawing(*options.width, *options.height, i));
  return result;
}

/// Those that are worth it, and the number of all.
std::vector<Product> worthwhile(std::vector<Product> products, int& all) {
  all = static_cast<int>(products.size());
  double flops = 0;
  for (const Product& product : products) flops += product.flops;
  std::erase_if(products, [&](const Product& p) { return p.flops < kLeastShare * flops; });
  return products;
}

}  // namespace

Calibration calibrate(const EngineOptions& options, std::span<const Image> given,
                      Quantization& found) {
  const auto start = base::Clock::now();
  EngineOptions eight_bits = options;
  eight_bits.dtype = DataType::int8;  // refused where the device has none
  Calibration result;
  std::vector<Product> products;
  std::vector<Image> frames, expected;
  {
    Trial exact(eight_bits, {.observe = true});
    frames = fitting(given, exact.session_options());
    expected = exact.draw(frames);
    products = worthwhile(exact.products(), result.products);
  }
  const double room = kPeak * kPeak * std::pow(10, -kGoodImage / 10);
  {
    const Engine::Impl plain(eight_bits, {});
    RoundTrip round_trip(plain, half_drawing(plain.model, with_defaults(plain.model, {})));
    found.autoencoder = within_room(products, round_trip, kAutoencoderShare * room);
  }
  for (const double least : kLeastSignal) {
    found.unet = with_signal(products, least);
    result.in_eight_bits = static_cast<int>(found.unet.size() + found.autoencoder.size());
    result.image_signal =
        peak_signal(Trial(eight_bits, {.quantization = found}).draw(frames), expected);
    if (result.image_signal >= kGoodImage) break;
  }
  result.seconds = base::seconds_since(start);
  return result;
}

Quantization quantization_for(const EngineOptions& options) {
  if (!options.calibration.empty()) return read_quantization(options.calibration);
  std::error_code ignored;
  const std::filesystem::path own = std::filesystem::path(options.model) / "int8.json";
  const bool whole = !options.model.empty() && options.vae.empty();  // it speaks of all its parts
  if (whole && std::filesystem::exists(own, ignored)) return read_quantization(own);
  const auto cached = options.cache ? cached_quantization(options) : std::nullopt;
  if (cached && std::filesystem::exists(*cached, ignored)) {
    try {
      return read_quantization(*cached);
    } catch (const Error& error) {
      base::warn(error.what(), "; calibrating anew");
    }
  }
  base::log(base::LogLevel::notice, "calibrating the model for int8, once");
  Quantization found;
  const Calibration result = calibrate(options, {}, found);
  base::log(base::LogLevel::notice,
            base::concat("done in ", result.seconds, " s: ", result.in_eight_bits, " of ",
                         result.products, " products in 8 bits, ", result.image_signal,
                         " dB from the images without"));
  if (!cached) return found;
  try {
    write_quantization(found, *cached);
  } catch (const Error& error) {
    base::warn(error.what(), "; the calibration is not kept");
  }
  return found;
}

}  // namespace streamdiffusion::session

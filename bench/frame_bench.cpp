// Times frames of one model under many settings in one process, so that its weights are made once:
// steps, guidance, stream batch, frames a call. Prints JSON, one line a setting.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/percentile.h"
#include "run_program.h"
#include "streamdiffusion/names.h"
#include "streamdiffusion/streamdiffusion.h"

namespace streamdiffusion::bench {
namespace {

using nlohmann::json;

struct Options {
  EngineOptions engine{.random_weights = "sd-turbo"};
  int size = 512, frames = 50;
  double seconds = 2;
  bool quick = false, overlap = false;
};

/// Indices of the steps, spread over the schedule's later half as the original's examples do.
std::vector<int> indices(int steps) {
  std::vector<int> list;
  for (int i = 0; i < steps; ++i) list.push_back(steps == 1 ? 32 : 16 + i * 32 / (steps - 1));
  return list;
}

SessionOptions setting(int steps, CfgType cfg, bool batch = true, int frames = 1) {
  SessionOptions options;
  options.t_index_list = indices(steps);
  options.cfg_type = cfg;
  options.use_denoising_batch = batch;
  options.frame_buffer_size = frames;
  return options;
}

/// The most telling first: a limit of time cuts the end off.
std::vector<SessionOptions> settings(bool quick) {
  std::vector<SessionOptions> all = {setting(1, CfgType::none), setting(4, CfgType::self)};
  if (quick) return all;
  for (const int steps : {2, 4, 10}) all.push_back(setting(steps, CfgType::none));
  for (const int frames : {4, 16}) all.push_back(setting(1, CfgType::none, true, frames));
  for (const int steps : {2, 4, 10}) all.push_back(setting(steps, CfgType::none, false));
  for (const CfgType cfg : {CfgType::initialize, CfgType::full}) all.push_back(setting(4, cfg));
  for (const int frames : {4, 16}) all.push_back(setting(4, CfgType::none, true, frames));
  return all;
}

Image frame(int side, int number) {
  Image image{side, side, std::vector<std::uint8_t>(static_cast<std::size_t>(side) * side * 3)};
  for (std::size_t i = 0; i < image.rgb.size(); ++i)
    image.rgb[i] =
        static_cast<std::uint8_t>((i / 3 + 5 * static_cast<std::size_t>(number)) ^ (i / 1536));
  return image;
}

/// Feeds a session whole batches.
class Feeder {
 public:
  Feeder(Session& session, int batch, int side) : session_(session) {
    for (int i = 0; i < batch; ++i) images_.push_back(frame(side, i));
    views_.assign(images_.begin(), images_.end());
  }
  /// Seconds of a frame, and whether images came out.
  std::pair<double, bool> feed() {
    const auto start = base::Clock::now();
    const bool came_out = !session_.process(views_).empty();
    return {base::seconds_since(start) / static_cast<double>(views_.size()), came_out};
  }

 private:
  Session& session_;
  std::vector<Image> images_;
  std::vector<ImageView> views_;
};

json describe(const SessionOptions& o) {
  return {{"steps", o.t_index_list.size()},
          {"cfg_type", name_of(kCfgTypes, *o.cfg_type)},
          {"stream_batch", o.use_denoising_batch},
          {"frames_a_call", o.frame_buffer_size}};
}

json measure(Engine& engine, SessionOptions session_options, bool overlap, const Options& o) {
  constexpr int kWarmUp = 5;
  session_options.width = session_options.height = o.size;
  const auto start = base::Clock::now();
  Session session = engine.session(session_options);
  session.set_prompt("a photograph of a cat");
  Feeder feeder(session, session_options.frame_buffer_size, o.size);
  while (!feeder.feed().second) {
  }
  const double first = base::seconds_since(start);
  for (int i = 0; i < kWarmUp && !o.quick; ++i) feeder.feed();
  session.set_overlap(overlap);
  std::vector<double> times;
  const SessionTimes before = session.times();
  const auto began = base::Clock::now();
  for (int i = 0; i < o.frames && base::seconds_since(began) < o.seconds; ++i)
    times.push_back(feeder.feed().first);
  const int calls_in_flight = session.on_device() ? 2 : 1;
  session.wait();
  const double total = base::seconds_since(began);
  const SessionTimes after = session.times();
  const auto frames = static_cast<double>(after.frames - before.frames);
  json result = describe(session_options);
  result["calls_in_flight"] = calls_in_flight;
  result["p50_ms"] = base::percentile(times, 0.5) * 1e3;
  result["p99_ms"] = base::percentile(times, 0.99) * 1e3;
  result["fps"] = frames / total;
  result["first_image_ms"] = first * 1e3;
  result["encode_ms"] = (after.encode - before.encode) / frames * 1e3;
  result["unet_ms"] = (after.unet - before.unet) / frames * 1e3;
  result["decode_ms"] = (after.decode - before.decode) / frames * 1e3;
  result["other_ms"] = (after.other - before.other) / frames * 1e3;
  return result;
}

json measure_or_error(Engine& engine, const SessionOptions& options, bool overlap,
                      const Options& o) {
  try {
    return measure(engine, options, overlap, o);
  } catch (const Error& error) {
    json failed = describe(options);
    failed["error"] = error.what();
    return failed;
  }
}

void print(const json& line) {
  std::printf("%s\n", line.dump().c_str());
  std::fflush(stdout);
}

void run(const Options& o) {
  const auto start = base::Clock::now();
  Engine engine = Engine::open(o.engine);
  SessionOptions first = settings(true).front();
  first.width = first.height = o.size;
  const Session keeps_the_weights = engine.session(first);
  const EngineInfo info = engine.info();
  print({{"model", info.model},
         {"device", info.device},
         {"dtype", info.dtype},
         {"size", o.size},
         {"cold_start_ms", base::seconds_since(start) * 1e3},
         {"weights_mib", static_cast<double>(info.weight_bytes) / (1 << 20)}});
  const std::vector<SessionOptions> all = settings(o.quick);
  const std::size_t telling = settings(true).size();
  for (std::size_t i = 0; i < all.size(); ++i) {
    print(measure_or_error(engine, all[i], false, o));
    if (o.overlap && i < telling) print(measure_or_error(engine, all[i], true, o));
  }
}

}  // namespace
}  // namespace streamdiffusion::bench

int main(int argc, char** argv) {
  CLI::App cli("Times frames of one model under many settings; prints JSON, one line each.",
               "frame_bench");
  streamdiffusion::bench::Options o;
  std::string dtype = "auto";
  cli.add_option("--random-weights", o.engine.random_weights, "sd-turbo or sd15")
      ->capture_default_str();
  cli.add_option("--device", o.engine.device, "auto, cuda, cpu or ref")->capture_default_str();
  cli.add_option("--dtype", dtype, "auto, f32, bf16 or f16")->capture_default_str();
  cli.add_flag("--tune", o.engine.tune, "On a card, time several kernels for each layer first");
  cli.add_option("--size", o.size, "Width and height")->capture_default_str();
  cli.add_option("--frames", o.frames, "Calls to time for each setting, at most")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  cli.add_option("--seconds", o.seconds, "Seconds for each setting, at most")
      ->capture_default_str();
  cli.add_flag("--quick", o.quick, "Two settings only, and no warm-up");
  cli.add_flag("--overlap", o.overlap,
               "The first two settings once more, on a card with two calls in flight");
  cli.footer("Example: frame_bench --random-weights sd15 --device cuda > frames.jsonl");
  return streamdiffusion::bench::run_program(cli, [&] {
    cli.parse(argc, argv);
    const auto chosen = streamdiffusion::choice_of(streamdiffusion::kDataTypes, dtype);
    if (!chosen) throw CLI::ValidationError("--dtype", "\"" + dtype + "\" is no type");
    o.engine.dtype = *chosen;
    streamdiffusion::bench::run(o);
    return 0;
  });
}

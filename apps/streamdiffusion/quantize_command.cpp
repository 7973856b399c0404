// `streamdiffusion quantize`: finds the 8-bit form of a model ahead of time.
#include <cstdio>

#include "commands.h"
#include "image/image_file.h"
#include "image/image_sequence.h"
#include "image/resize.h"
#include "setup.h"

namespace streamdiffusion::app {
namespace {

constexpr const char* kExamples = R"(Examples:
  On drawings made up by the program, into the user's cache, as `--dtype int8` does by itself:
    streamdiffusion quantize
  On frames like those that will come, into the model's folder, where every user finds it:
    streamdiffusion quantize --model sd-turbo --input frames --output sd-turbo/int8.json)";

struct QuantizeFlags {
  EngineFlags engine;
  std::vector<std::string> inputs;
  std::string output;
};

std::vector<Image> frames(const QuantizeFlags& flags, const EngineOptions& options) {
  if (flags.inputs.empty()) return {};
  EngineOptions plain = options;
  plain.dtype = DataType::automatic;
  const SessionOptions size = Engine::open(plain).with_defaults({});
  std::vector<Image> read;
  for (const auto& path : image::expand_inputs(flags.inputs))
    read.push_back(image::fit(image::read_image(path), *size.width, *size.height, Fit::cover));
  return read;
}

void quantize(const QuantizeFlags& flags) {
  const EngineOptions options = with_model(flags.engine);
  const Calibration result = Engine::calibrate(options, frames(flags, options), flags.output);
  std::printf("%s\n", result.file.c_str());
  std::printf("%d of %d products in 8 bits, images %.1f dB from those without, found in %.1f s\n",
              result.int8_ops, result.ops, result.psnr_db, result.seconds);
}

}  // namespace

void add_quantize_command(CLI::App& program) {
  auto flags = std::make_shared<QuantizeFlags>();
  CLI::App& command =
      *program.add_subcommand("quantize", "Calibrate a model for --dtype int8 ahead of time");
  flags->engine.add_to(command);
  command
      .add_option("--input", flags->inputs,
                  "Images like those that will come, or a folder of them; drawings made up if "
                  "not given")
      ->type_name("FILE|DIR")
      ->expected(1, -1);
  command.add_option("--output", flags->output, "Where to write it; the user's cache if not given")
      ->type_name("FILE");
  command.footer(kExamples);
  command.callback([flags] { quantize(*flags); });
}

}  // namespace streamdiffusion::app

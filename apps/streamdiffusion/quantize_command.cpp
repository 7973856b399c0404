// `streamdiffusion quantize`: calibrates a model for int8 ahead of time.
#include <cstdio>
#include <memory>

#include "base/error.h"
#include "commands.h"
#include "image/image_file.h"
#include "image/image_sequence.h"
#include "image/resize.h"
#include "parameter_flags.h"
#include "setup.h"

namespace streamdiffusion::app {
namespace {

constexpr const char* kExamples = R"(Examples:
  On synthetic drawings, into the user's cache, as `--dtype int8` does by itself:
    streamdiffusion quantize
  On frames like those that will come, into the model's folder, where every user finds it:
    streamdiffusion quantize --model sd-turbo --input frames --output sd-turbo/int8.json)";

struct QuantizeFlags {
  ParameterFlags parameters;
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
  const params::Settings settings = flags.parameters.parsed();
  warn_without_effect(settings.given.contains("dtype"), "--dtype", "here: int8 is calibrated");
  warn_without_effect(settings.given.contains("calibration"), "--calibration",
                      "here: a new calibration is made");
  base::require(settings.engine.cache || !flags.output.empty(), ErrorCode::invalid_argument,
                "--no-cache leaves no place for the calibration, expected --output FILE");
  const EngineOptions options = with_model(settings.engine);
  const Calibration result = Engine::calibrate(options, frames(flags, options), flags.output);
  std::printf("%s\n", result.file.c_str());
  std::printf(
      "%d of %d matmuls and convolutions in int8, images %.1f dB from those without, found in %.1f "
      "s\n",
      result.int8_ops, result.ops, result.psnr_db, result.seconds);
}

}  // namespace

void add_quantize_command(CommandLine& program) {
  auto quantize_flags = std::make_shared<QuantizeFlags>();
  Flags flags = program.command("quantize", "Calibrate a model for --dtype int8 ahead of time");
  flags.texts("--input", quantize_flags->inputs,
              "Images like those that will come, or a folder of them; synthetic drawings if not "
              "given",
              {.value = "FILE|DIR"});
  flags.text("--output", quantize_flags->output, "Where to write it; the user's cache if not given",
             {.value = "FILE"});
  quantize_flags->parameters.add_engine(flags);
  flags.examples(kExamples);
  flags.run([quantize_flags] { quantize(*quantize_flags); });
}

}  // namespace streamdiffusion::app

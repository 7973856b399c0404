// `streamdiffusion quantize`: calibrates a model for int8 ahead of time.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <iterator>
#include <memory>

#include "base/error.h"
#include "base/file_writer.h"
#include "base/same_file.h"
#include "commands.h"
#include "engine_files.h"
#include "image/image_sequence.h"
#include "image/resize.h"
#include "input_images.h"
#include "parameter_flags.h"
#include "setup.h"

namespace streamdiffusion::app {
namespace {

constexpr const char* kQuantizeExamples = R"(Examples:
  On synthetic drawings, into the user's cache, as `--dtype int8` does by itself:
    streamdiffusion quantize
  On frames like those that will come, into the model's folder, where every user finds it:
    streamdiffusion quantize --model sd-turbo --input frames --output sd-turbo/int8.json)";

struct QuantizeFlags {
  ParameterFlags parameters;
  std::vector<std::string> inputs;
  std::string output;
};

/// Those that can be read, at the model's size.
std::vector<Image> read_frames(InputImages& images, const EngineOptions& options) {
  std::vector<Image> frames;
  if (images.paths().empty()) return frames;
  EngineOptions plain = options;
  plain.dtype = DataType::automatic;
  const SessionOptions size = Engine::open(plain).with_defaults({});
  for (std::size_t i = 0; i < images.paths().size(); ++i) {
    const std::optional<Image> image = images.take(i);
    if (image) frames.push_back(image::fit(*image, *size.width, *size.height, Fit::cover));
  }
  return frames;
}

void quantize(const QuantizeFlags& flags) {
  const params::Settings settings = flags.parameters.parsed();
  base::require(settings.engine.cache || !flags.output.empty(), ErrorCode::invalid_argument,
                "--no-cache leaves no place for the calibration, expected --output FILE");
  InputImages images(image::expand_inputs(flags.inputs));
  const std::filesystem::path output =
      flags.output.empty() ? std::filesystem::path() : base::output_target(flags.output);
  std::vector<std::filesystem::path> inputs = images.paths();
  std::ranges::copy_if(engine_files(settings.engine), std::back_inserter(inputs),
                       [](const auto& file) { return file.filename() != "int8.json"; });
  base::refuse_overwriting(inputs, {output});
  if (!output.empty()) base::check_creatable(output);
  images.find_first([] { return false; });
  const EngineOptions options = with_model(settings.engine);
  const std::vector<Image> frames = read_frames(images, options);
  const Calibration result = Engine::calibrate(options, frames, output.string());
  print_line(result.file);
  std::printf(
      "%d of %d matmuls and convolutions in int8, images %.1f dB from those without, found in %.1f "
      "s\n",
      result.int8_ops, result.ops, result.psnr_db, result.seconds);
  images.require_all_readable("; calibrated on the others");
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
  quantize_flags->parameters.add_engine(flags, {"--dtype", "--calibration"});
  flags.examples(kQuantizeExamples);
  flags.run([quantize_flags] { quantize(*quantize_flags); });
}

}  // namespace streamdiffusion::app

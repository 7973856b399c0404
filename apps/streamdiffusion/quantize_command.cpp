// `streamdiffusion quantize`: calibrates a model for int8 ahead of time.
#include <cstdio>
#include <filesystem>
#include <memory>

#include "base/error.h"
#include "base/file_writer.h"
#include "base/same_file.h"
#include "commands.h"
#include "image/image_file.h"
#include "image/image_sequence.h"
#include "image/resize.h"
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

/// Images that could not be read are named and left out.
struct Frames {
  std::vector<Image> images;
  std::size_t unreadable = 0;
};

Frames read_frames(const std::vector<std::filesystem::path>& paths, const EngineOptions& options) {
  Frames frames;
  if (paths.empty()) return frames;
  EngineOptions plain = options;
  plain.dtype = DataType::automatic;
  const SessionOptions size = Engine::open(plain).with_defaults({});
  for (const auto& path : paths) {
    try {
      frames.images.push_back(
          image::fit(image::read_image(path), *size.width, *size.height, Fit::cover));
    } catch (const Error& error) {
      if (paths.size() == 1) throw;
      print_error(error.what());
      ++frames.unreadable;
    }
  }
  base::require(!frames.images.empty(), ErrorCode::corrupt_file, "none of the ", paths.size(),
                " images could be read");
  return frames;
}

void quantize(const QuantizeFlags& flags) {
  const params::Settings settings = flags.parameters.parsed();
  base::require(settings.engine.cache || !flags.output.empty(), ErrorCode::invalid_argument,
                "--no-cache leaves no place for the calibration, expected --output FILE");
  const EngineOptions options = with_model(settings.engine);
  const auto paths = image::expand_inputs(flags.inputs);
  const std::filesystem::path output = flags.output;
  std::error_code ignored;
  base::refuse_overwriting(paths, {output});
  if (!output.empty() && std::filesystem::exists(output.parent_path(), ignored))
    base::check_writable(output);
  const Frames frames = read_frames(paths, options);
  const Calibration result = Engine::calibrate(options, frames.images, flags.output);
  std::printf("%s\n", result.file.c_str());
  std::printf(
      "%d of %d matmuls and convolutions in int8, images %.1f dB from those without, found in %.1f "
      "s\n",
      result.int8_ops, result.ops, result.psnr_db, result.seconds);
  base::require(frames.unreadable == 0, ErrorCode::corrupt_file, frames.unreadable, " of ",
                paths.size(), " images could not be read; calibrated on the others");
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

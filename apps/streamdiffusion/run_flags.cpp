#include "run_flags.h"

#include <algorithm>

namespace streamdiffusion::app {
namespace {

template <typename T, typename U>
void take(T& flag, const std::optional<U>& value) {
  if (value) flag = *value;
}

}  // namespace

void RunFlags::add_to(CLI::App& command) {
  add_config(command);
  add_media(command);
  engine.add_to(command);
  session.add_to(command);
}

void RunFlags::add_config(CLI::App& command) {
  // Read while the command line is parsed; the flags are set after that, and so come last.
  command
      .add_option_function<std::string>(
          "--config", [this](const std::string& path) { apply(config::read_config(path)); },
          "A YAML file that stands for flags; flags given beside it win")
      ->type_name("FILE")
      ->trigger_on_parse();
}

void RunFlags::add_media(CLI::App& command) {
  command
      .add_option("--input", input,
                  "A video file, image, folder or pattern; /dev/videoN; screen[:X,Y,WxH]; an "
                  "rtsp, rtmp, srt, udp or http address; lavfi:GRAPH; - for standard input")
      ->type_name("INPUT");
  command
      .add_option("--output", output,
                  "FILE.mp4, .mov, .mkv, .webm or .gif; a folder; window; /dev/videoN (v4l2 "
                  "loopback); an rtmp, rtsp, srt or udp address; - for standard output")
      ->type_name("OUTPUT");
  add_choice(command, "--fit", fit, kFits,
             "How inputs of another size are fitted: cover, contain "
             "or stretch");
  command.add_option("--fps", fps, "Frames a second of the output, instead of the input's")
      ->check(CLI::Range(0.001, 1000.0));
  command.add_flag_function(
      "--realtime,!--no-realtime", [this](std::int64_t count) { realtime = count > 0; },
      "Keep to the clock and draw the newest frame, or draw every frame; the first for cameras, "
      "screens, streams and windows, else the second");
  command.add_option("--duration", duration, "Stop after this many seconds of the input")
      ->check(CLI::PositiveNumber)
      ->type_name("S");
  command.add_option("--frames", frames, "Stop after this many frames of the input")
      ->check(CLI::PositiveNumber);
  command.add_flag("--no-audio", no_audio, "Leave the input's sound out");
  command.add_option("--codec", codec, "h264, vp8 or vp9, instead of the file's usual one")
      ->check(CLI::IsMember({"h264", "vp8", "vp9"}));
  command
      .add_option("--input-format", input_format,
                  "Of standard input: y4m or rgb24; without, its content tells")
      ->check(CLI::IsMember({"y4m", "rgb24"}));
  command.add_option("--input-size", input_size, "Size of rgb24 frames, or asked of a camera")
      ->type_name("WxH");
  command.add_option("--output-format", output_format, "Of standard output: y4m or rgb24")
      ->capture_default_str()
      ->check(CLI::IsMember({"y4m", "rgb24"}));
  command.add_option("--json", json, "Also write a summary for machines")->type_name("FILE");
  command.add_flag("--quiet", quiet, "Print nothing but warnings and errors");
}

void RunFlags::apply(const config::Config& file) {
  engine.options = file.engine;
  session.options = file.session;
  session.prompts.clear();
  session.prompt_weights.clear();
  for (const WeightedPrompt& prompt : file.prompts) {
    session.prompts.push_back(prompt.text);
    session.prompt_weights.push_back(prompt.weight);
  }
  session.lerp = file.interpolation == PromptInterpolation::linear;
  take(session.negative_prompt, file.negative_prompt);
  take(input, file.input);
  take(output, file.output);
  take(input_format, file.input_format);
  take(input_size, file.input_size);
  take(output_format, file.output_format);
  take(codec, file.codec);
  take(fit, file.fit);
  take(fps, file.fps);
  take(duration, file.duration);
  take(frames, file.frames);
  take(realtime, file.realtime);
  take(quiet, file.quiet);
}

}  // namespace streamdiffusion::app

#include "run_flags.h"

#include <limits>

namespace streamdiffusion::app {
namespace {

template <typename T, typename U>
void assign_if_set(T& flag, const std::optional<U>& value) {
  if (value) flag = *value;
}

}  // namespace

void RunFlags::add_to(Flags& flags) {
  // Read before the other flags, which overwrite what it says.
  flags.action("--config", [this](const std::string& path) { apply(config::read_config(path)); },
               "A YAML file instead of flags; flags beside it win",
               {.value = "FILE", .first = true});
  add_media(flags);
  add_limits(flags);
  parameters.add_engine(flags);
  parameters.add_stream(flags, true);
}

void RunFlags::add_media(Flags& flags) {
  flags.text("--input", input,
             "A video file, image, folder or pattern; /dev/videoN; screen[:X,Y,WxH]; an "
             "rtsp, rtmp, srt, udp or http address; lavfi:GRAPH; - for standard input",
             {.value = "INPUT"});
  flags.text("--output", output,
             "FILE.mp4, .mov, .mkv, .webm or .gif; a folder; window; /dev/videoN (v4l2 "
             "loopback); an rtmp, rtsp, srt or udp address; a named pipe; - for standard output",
             {.value = "OUTPUT"});
  flags.number("--fps", fps, 0.001, 1000, "Frames a second of the output, instead of the input's");
  flags.flag("--no-audio", no_audio, "Leave the input's sound out");
  flags.word("--codec", codec, {"h264", "vp8", "vp9"}, "Instead of the usual one of the output");
  flags.word("--input-format", input_format, {"y4m", "rgb24"},
             "Of standard input; detected from its content if not given");
  flags.text("--input-size", input_size, "Size of rgb24 frames, or asked of a camera",
             {.value = "WxH"});
  flags.word("--output-format", output_format, {"y4m", "rgb24"}, "Of standard output");
  flags.flag("--strict", strict, "End at the first damaged frame, instead of going on after it");
  flags.text("--input-protocols", input_protocols,
             "Protocols that the input may use beside the usual ones of its kind, such as udp,rtp",
             {.value = "LIST"});
  flags.text("--json", json, "Also write a summary for machines", {.value = "FILE"});
  flags.flag("--quiet", quiet, "Print nothing but warnings and errors");
}

void RunFlags::add_limits(Flags& flags) {
  flags.flag(
      "--realtime,!--no-realtime", [this](bool value) { realtime = value; },
      "Follow the clock and use the newest frame, or process every frame; the first for cameras, "
      "screens, streams and windows, else the second");
  flags.number("--duration", duration, 0.001, 1e9, "Stop after this many seconds of the input",
               {.value = "S"});
  flags.integer("--frames", frames, 1, std::numeric_limits<std::int64_t>::max(),
                "Stop after this many frames of the input");
}

void RunFlags::apply(const config::Config& file) {
  parameters.settings = file.settings;
  assign_if_set(input, file.input);
  assign_if_set(output, file.output);
  assign_if_set(input_format, file.input_format);
  assign_if_set(input_size, file.input_size);
  assign_if_set(output_format, file.output_format);
  assign_if_set(codec, file.codec);
  assign_if_set(fps, file.fps);
  assign_if_set(duration, file.duration);
  assign_if_set(frames, file.frames);
  assign_if_set(realtime, file.realtime);
  assign_if_set(strict, file.strict);
  assign_if_set(quiet, file.quiet);
}

}  // namespace streamdiffusion::app

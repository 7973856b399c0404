// The parameters of the command `run` alone.
#include <limits>

#include "params/rows.h"

namespace streamdiffusion::params {
namespace {

using Words = std::vector<std::string>;

/// Rows of `run` are keys of --config as well.
Parameter run(const char* name, const char* help, Type type, const char* flag,
              const char* value = "") {
  return {name,
          name,
          help,
          Group::run,
          Change::engine,
          std::move(type),
          {.flag = flag, .flag_value = value, .yaml = true}};
}

/// No key of --config: a file of somebody else's must not allow itself more.
Parameter input_protocols() {
  Parameter row =
      run("input_protocols",
          "Protocols that the input may use beside the usual ones of its kind, such as udp,rtp",
          text(SD_REACH(run.input_protocols)), "--input-protocols", "LIST");
  row.in.yaml = false;
  return row;
}

}  // namespace

Rows run_rows() {
  return {
      run("input",
          "A video file, image, folder or pattern; /dev/videoN; screen[:X,Y,WxH] or screen:portal; "
          "an rtsp, rtmp, srt, udp or http address; lavfi:GRAPH; - for standard input",
          text(SD_REACH(run.input)), "--input", "INPUT"),
      run("output",
          "FILE.mp4, .mov, .mkv, .webm or .gif; a folder; window[:DISPLAY]; pipewire[:TITLE] or "
          "/dev/videoN "
          "(v4l2 loopback), cameras for other programs; an rtmp, rtsp, srt or udp address; a named "
          "pipe; - for standard output",
          text(SD_REACH(run.output)), "--output", "OUTPUT"),
      run("control_input",
          "What the control images of --controlnet are made of in place of the input: any input, "
          "such as a video of depth images; its frames go with those of the same time",
          text(SD_REACH(run.control_input)), "--control-input", "INPUT"),
      run("fps", "Frames a second of the output, instead of the input's; 29.97 or 30000/1001",
          rate(SD_REACH(run.fps), 0.001, 1000), "--fps", "RATE"),
      run("no_audio", "Leave the input's sound out", boolean(SD_REACH(run.no_audio)), "--no-audio"),
      run("codec", "Instead of the usual one of the output",
          Choice{member<std::string>(SD_REACH(run.codec)), Words{"h264", "vp8", "vp9"}}, "--codec"),
      run("input_format",
          "Of standard input or a named pipe; detected from its content if not given",
          Choice{member<std::string>(SD_REACH(run.input_format)), Words{"y4m", "rgb24"}},
          "--input-format"),
      run("input_size", "Size of rgb24 frames, or asked of a camera",
          text(SD_REACH(run.input_size)), "--input-size", "WxH"),
      run("output_format", "Of standard output, or of a pipe whose name does not say it",
          Choice{member<std::string>(SD_REACH(run.output_format), "y4m"), Words{"y4m", "rgb24"}},
          "--output-format"),
      run("strict", "End at the first damaged frame, instead of going on after it",
          boolean(SD_REACH(run.strict)), "--strict"),
      input_protocols(),
      run("json", "Also write a summary for machines", text(SD_REACH(run.json)), "--json", "FILE"),
      run("quiet", "Print nothing but warnings, errors and a seed that was drawn",
          boolean(SD_REACH(run.quiet)), "--quiet"),
      run("realtime",
          "Follow the clock and use the newest frame, or process every frame; the first for "
          "cameras, screens, streams and windows, else the second",
          boolean(SD_REACH(run.realtime)), "--realtime,!--no-realtime"),
      run("duration", "Stop after this many seconds of the input",
          number(SD_REACH(run.duration), 0.001, 1e9, 1), "--duration", "S"),
      run("frames", "Stop after this many frames of the input",
          integer(SD_REACH(run.frames), 1, std::numeric_limits<std::int64_t>::max()), "--frames"),
  };
}

}  // namespace streamdiffusion::params

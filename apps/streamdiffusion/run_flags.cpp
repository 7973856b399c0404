#include "run_flags.h"

#include "base/error.h"
#include "base/file_url.h"
#include "config/config.h"
#include "json/quote.h"
#include "media/frame_sink.h"
#include "media/frame_source.h"
#include "media/parse_size.h"
#include "osc_stream.h"
#include "params/without_effect.h"
#include "setup.h"

namespace streamdiffusion::app {
namespace {

template <typename T, typename U>
void assign_if_set(T& flag, const std::optional<U>& value) {
  if (value) flag = *value;
}

void assign_path_if_set(std::string& flag, const std::optional<std::string>& value) {
  if (value) flag = base::path_of(*value);
}

}  // namespace

void RunFlags::add_to(Flags& flags) {
  // Read before the other flags, which overwrite what it says.
  flags.action("--config",
               [this](const std::string& path) {
                 parameters.settings = config::read_config(path);
                 config = path;
               },
               "A YAML file instead of flags; flags beside it win",
               {.value = "FILE", .first = true});
  parameters.add_run(flags);
  add_osc_flags(flags, osc);
  parameters.add_engine(flags);
  parameters.add_stream(flags, true);
}

void RunFlags::settle() {
  const params::RunSettings& run = parameters.settings.run;
  assign_path_if_set(input, run.input);
  assign_path_if_set(output, run.output);
  assign_path_if_set(control_input, run.control_input);
  assign_if_set(input_format, run.input_format);
  assign_if_set(input_size, run.input_size);
  assign_if_set(output_format, run.output_format);
  assign_if_set(codec, run.codec);
  assign_path_if_set(json, run.json);
  assign_if_set(fps, run.fps);
  assign_if_set(duration, run.duration);
  if (run.frames) frames = static_cast<std::uint64_t>(*run.frames);
  assign_if_set(realtime, run.realtime);
  assign_if_set(no_audio, run.no_audio);
  assign_if_set(strict, run.strict);
  assign_if_set(input_protocols, run.input_protocols);
  assign_if_set(quiet, run.quiet);
  if (run.input_size) {
    size = media::parse_size(*run.input_size);
    base::require(size.has_value(), ErrorCode::invalid_argument, "--input-size is ",
                  json::quote(input_size), ", expected a size such as 640x480");
  }
  warn_of_idle_flags();
  check_osc(osc);
}

void RunFlags::warn_of_idle_flags() const {
  const auto idle = [&](const char* key, bool acts, const char* why) {
    const bool given = parameters.settings.given.contains(key);
    const std::string name = params::as_given_in(parameters.settings)(params::parameter(key));
    warn_without_effect(given && !acts, name.c_str(), why);
  };
  const bool pipe_in = input.empty() || media::is_pipe_input(input);
  const bool pipe_out = output.empty() || media::has_raw_format(output);
  const bool video_out = !output.empty() && media::has_codec(output);
  const bool camera = input.starts_with("/dev/video");
  idle("input_format", pipe_in, "with this input; it acts on standard input and on pipes");
  idle("input_size", camera || (pipe_in && input_format != "y4m"),
       "here; it acts on a camera, and on a pipe with --input-format rgb24");
  idle("output_format", pipe_out,
       "with this output; it acts on standard output, and on a pipe whose name does not say what "
       "is written");
  idle("control_input", !parameters.settings.engine.controlnets.empty(),
       "without --controlnet: nothing is made of its frames");
  idle("input_protocols",
       media::may_use_protocols(input) || media::may_use_protocols(control_input),
       "with this input; it acts on addresses, and on files that name others (.m3u8, .mpd, .sdp, "
       ".ffconcat)");
  idle("codec", video_out, "on this output; it acts on a video file or a network stream");
  idle("no_audio", video_out, "on this output, which has no sound");
}

}  // namespace streamdiffusion::app

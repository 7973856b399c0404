// `streamdiffusion run`: a stream of frames in, a stream of images out.
#include <unistd.h>

#include <memory>

#include "commands.h"
#include "flags.h"
#include "run_job.h"

namespace streamdiffusion::app {
namespace {

constexpr const char* kRunExamples = R"(Examples:
  A camera into a window, which q closes:
    streamdiffusion run --input /dev/video0 --prompt "red apple" --output window
  A video into a video, every frame processed, its sound copied:
    streamdiffusion run --input walk.mp4 --prompt "blue fish" --output fish.mp4
  A part of the screen, 10 seconds of it, as a GIF:
    streamdiffusion run --input screen:0,0,512x512 --prompt "tree" --duration 10 --output tree.gif
  A window or monitor of a Wayland desktop, which asks which:
    streamdiffusion run --input screen:portal --prompt "tree" --output window
  In the middle of a pipe:
    ffmpeg -i clip.mp4 -f yuv4mpegpipe - | streamdiffusion run --prompt "cat" | ffplay -
  Raw RGB of a known size:
    ... | streamdiffusion run --input-format rgb24 --input-size 640x480 --output-format rgb24 | ...
  Images that follow the edges of the camera's frames:
    streamdiffusion run --model stabilityai/sd-turbo --input /dev/video0 --prompt "robot" \
      --controlnet thibaud/controlnet-sd21-canny-diffusers:0.8
  In the style of another image:
    streamdiffusion run --model sd15 --input walk.mp4 --output painted.mp4 --style-image painting.jpg \
      --ip-adapter h94/IP-Adapter/models/ip-adapter_sd15.safetensors:0.6:style
  Changed while it runs by what sends OSC, such as TouchDesigner:
    streamdiffusion run --input /dev/video0 --output window --osc 9000
  Everything from a file, the prompt given here:
    streamdiffusion run --config cat.yaml --prompt "gray cat"
Ctrl-C (or SIGTERM) finishes the output and exits with 128 + the signal's number: 130 (143); a
second one ends at once. An input that breaks off ends the output in order and exits with 1.)";

/// No input and no pipe: the help is more useful than waiting for the keyboard.
bool asks_for_nothing(const RunFlags& flags) {
  return flags.input.empty() && ::isatty(STDIN_FILENO) == 1;
}

}  // namespace

void add_run_command(CommandLine& program) {
  auto run = std::make_shared<RunFlags>();
  Flags flags = program.command(
      "run", "A live stream: camera, screen, video or pipe in; window, video or pipe out");
  run->add_to(flags);
  flags.examples(kRunExamples);
  flags.run([run] {
    run->settle();
    if (asks_for_nothing(*run)) throw ShowHelp();
    RunJob(*run).run();
  });
}

}  // namespace streamdiffusion::app

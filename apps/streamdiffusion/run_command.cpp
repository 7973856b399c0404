// `streamdiffusion run`: a stream of frames in, a stream of images out.
#include <unistd.h>

#include "commands.h"
#include "run_job.h"

namespace streamdiffusion::app {
namespace {

constexpr const char* kExamples = R"(Examples:
  A camera into a window, which q closes:
    streamdiffusion run --input /dev/video0 --prompt "red apple" --output window
  A video into a video, every frame drawn, its sound copied:
    streamdiffusion run --input walk.mp4 --prompt "blue fish" --output fish.mp4
  A part of the screen, 10 seconds of it, as a GIF:
    streamdiffusion run --input screen:0,0,512x512 --prompt "tree" --duration 10 --output tree.gif
  In the middle of a pipe:
    ffmpeg -i clip.mp4 -f yuv4mpegpipe - | streamdiffusion run --prompt "cat" | ffplay -
  Raw RGB of a known size:
    ... | streamdiffusion run --input-format rgb24 --input-size 640x480 --output-format rgb24 | ...
  Everything from a file, the prompt given here:
    streamdiffusion run --config cat.yaml --prompt "grey cat"
Ctrl-C (or SIGTERM) finishes the output and exits with 128 + the signal's number: 130 (143); a
second one ends at once. An input that breaks off ends the output in order and exits with 1.)";

/// Nothing asked and nothing on a pipe: what can be asked is more use than a wait at the keyboard.
bool asks_for_nothing(const RunFlags& flags) {
  return flags.input.empty() && ::isatty(STDIN_FILENO) == 1;
}

}  // namespace

void add_run_command(CLI::App& program) {
  auto flags = std::make_shared<RunFlags>();
  CLI::App& command = *program.add_subcommand(
      "run", "A live stream: camera, screen, video or pipe in; window, video or pipe out");
  flags->add_to(command);
  command.footer(kExamples);
  command.callback([flags, &command] {
    if (asks_for_nothing(*flags)) throw CLI::CallForHelp();
    // Weights belong to their prompts: those of a config file go with its prompts.
    if (command.count("--prompt") > 0 && command.count("--prompt-weights") == 0) {
      flags->session.prompt_weights.clear();
    }
    RunJob(*flags).run();
  });
}

}  // namespace streamdiffusion::app

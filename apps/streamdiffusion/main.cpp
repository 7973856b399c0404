// The program: all commands.
#include "commands.h"
#include "flags.h"
#include "program.h"
#include "version.h"

int main(int argc, char** argv) {
  namespace app = streamdiffusion::app;
  app::prepare_program();
  app::CommandLine program(
      "StreamDiffusion: real-time diffusion on this machine. Images, a drawing or a prompt in, "
      "generated images out.",
      "streamdiffusion", app::version_text("streamdiffusion"));
  app::add_image_command(program);
  app::add_run_command(program);
  app::add_serve_command(program);
  app::add_info_command(program);
  app::add_bench_command(program);
  app::add_quantize_command(program);
  app::add_pull_command(program);
  app::add_models_command(program);
  app::add_completion_command(program);
  program.without_arguments({"serve", "--open"});
  program.footer(
      "Without a command: `serve --open`, the page in your browser.\n"
      "Exit codes: 0 done, 1 failed, 2 wrong usage, 130 stopped by Ctrl-C. `streamdiffusion "
      "COMMAND --help` shows examples.");
  return app::run_program(program, argc, argv);
}

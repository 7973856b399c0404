// A program of the commands that measure. It links neither FFmpeg nor SDL, so that tools/gpu/bundle
// can carry it to a machine that has neither.
#include "commands.h"
#include "flags.h"
#include "program.h"
#include "version.h"

int main(int argc, char** argv) {
  namespace app = streamdiffusion::app;
  app::prepare_program();
  app::CommandLine program("The commands of streamdiffusion that measure.",
                           "streamdiffusion_measure", app::version_text("streamdiffusion_measure"));
  app::add_info_command(program);
  app::add_bench_command(program);
  return app::run_program(program, argc, argv);
}

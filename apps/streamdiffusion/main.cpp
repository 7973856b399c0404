// The program: parses the command line, runs one sub-command, and turns errors into messages and
// exit codes.
#include <exception>

#include "base/file_writer.h"
#include "base/log.h"
#include "commands.h"
#include "flags.h"
#include "setup.h"
#include "stop_signals.h"
#include "streamdiffusion/error.h"

namespace {

constexpr int kFailure = 1, kUsage = 2, kSignalled = 128;

int exit_code(streamdiffusion::ErrorCode code) {
  return code == streamdiffusion::ErrorCode::invalid_argument ? kUsage : kFailure;
}

}  // namespace

int main(int argc, char** argv) {
  namespace app = streamdiffusion::app;
  streamdiffusion::base::occupy_standard_descriptors();
  streamdiffusion::base::buffer_standard_output();
  app::CommandLine program(
      "StreamDiffusion: real-time diffusion on this machine. Images, a drawing or a prompt in, "
      "generated images out.",
      "streamdiffusion", SD_VERSION);
  app::add_image_command(program);
  app::add_run_command(program);
  app::add_serve_command(program);
  app::add_info_command(program);
  app::add_bench_command(program);
  app::add_quantize_command(program);
  program.without_arguments({"serve", "--open"});
  program.footer(
      "Without a command: `serve --open`, the page in your browser.\n"
      "Exit codes: 0 done, 1 failed, 2 wrong usage, 130 stopped by Ctrl-C. `streamdiffusion "
      "COMMAND --help` shows examples.");
  streamdiffusion::base::set_log_callback(app::print_log);
  try {
    const bool understood = program.run(argc, argv);
    streamdiffusion::base::check_standard_output();
    return understood ? 0 : kUsage;
  } catch (const app::Stopped& stopped) {
    return kSignalled + stopped.signal;
  } catch (const streamdiffusion::Error& error) {
    app::print_error(error.what());
    return exit_code(error.code());
  } catch (const std::exception& error) {
    app::print_error(error.what());
    return kFailure;
  }
}

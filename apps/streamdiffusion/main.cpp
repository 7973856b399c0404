// The program: parses the command line, runs one sub-command, and turns errors into messages and
// exit codes.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>

#include "base/log.h"
#include "commands.h"
#include "stop_signals.h"
#include "streamdiffusion/error.h"

namespace {

constexpr int kFailure = 1, kUsage = 2, kSignalled = 128;

int exit_code(streamdiffusion::ErrorCode code) {
  return code == streamdiffusion::ErrorCode::invalid_argument ? kUsage : kFailure;
}

void print_what_matters() {
  using streamdiffusion::base::LogLevel;
  streamdiffusion::base::set_log_callback([](LogLevel level, std::string_view message) {
    if (level < LogLevel::notice) return;
    std::fprintf(stderr, "%s%.*s\n", level == LogLevel::warning ? "warning: " : "",
                 static_cast<int>(message.size()), message.data());
  });
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App program(
      "StreamDiffusion: real-time diffusion on this machine. Images, a drawing or a prompt in, "
      "generated images out.",
      "streamdiffusion");
  program.require_subcommand(1);
  program.set_version_flag("--version", SD_VERSION);
  program.get_formatter()->column_width(44);
  streamdiffusion::app::add_image_command(program);
  streamdiffusion::app::add_run_command(program);
  streamdiffusion::app::add_serve_command(program);
  streamdiffusion::app::add_info_command(program);
  streamdiffusion::app::add_bench_command(program);
  streamdiffusion::app::add_quantize_command(program);
  program.footer(
      "Exit codes: 0 done, 1 failed, 2 wrong usage, 130 stopped by Ctrl-C. `streamdiffusion "
      "COMMAND "
      "--help` shows examples.");
  print_what_matters();
  try {
    program.parse(argc, argv);
    return 0;
  } catch (const CLI::ParseError& error) {
    return program.exit(error) == 0 ? 0 : kUsage;
  } catch (const streamdiffusion::app::Stopped& stopped) {
    return kSignalled + stopped.signal;
  } catch (const streamdiffusion::Error& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return exit_code(error.code());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return kFailure;
  }
}

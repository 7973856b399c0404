#include "program.h"

#include <csignal>
#include <exception>

#include "base/error.h"
#include "base/file_writer.h"
#include "base/log.h"
#include "flags.h"
#include "setup.h"
#include "stop_signals.h"
#include "streamdiffusion/error.h"

namespace streamdiffusion::app {
namespace {

constexpr int kFailure = 1, kUsage = 2;

int exit_code(ErrorCode code) {
  return code == ErrorCode::invalid_argument ? kUsage : kFailure;
}

}  // namespace

void prepare_program() {
  std::signal(SIGXFSZ, SIG_IGN);  // a file over the limit (ulimit -f) is an error as a full disk
  base::occupy_standard_descriptors();
  base::buffer_standard_output();
  base::set_log_callback(print_log);
}

int run_program(CommandLine& program, int argc, char** argv) {
  try {
    const bool understood = program.run(argc, argv);
    base::check_standard_output();
    return understood ? 0 : kUsage;
  } catch (const Stopped& stopped) {
    return kSignalled + stopped.signal;
  } catch (const std::exception& caught) {
    const Error error = base::error_from(caught);
    print_error(error.what());
    return exit_code(error.code());
  }
}

}  // namespace streamdiffusion::app

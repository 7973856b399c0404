// What every program of these commands does around them.
#pragma once

namespace streamdiffusion::app {

class CommandLine;

/// To be called first in main(), before a command line is made.
void prepare_program();

/// Parses the command line and runs its command. Errors become messages. Returns the exit code.
int run_program(CommandLine& program, int argc, char** argv);

}  // namespace streamdiffusion::app

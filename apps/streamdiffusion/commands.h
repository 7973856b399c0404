// The commands. Each adds itself to the command line; what it was asked to do runs after parsing.
#pragma once

namespace streamdiffusion::app {

class CommandLine;

void add_image_command(CommandLine& program);
void add_run_command(CommandLine& program);
void add_info_command(CommandLine& program);
void add_bench_command(CommandLine& program);
void add_quantize_command(CommandLine& program);
void add_serve_command(CommandLine& program);
void add_pull_command(CommandLine& program);
void add_models_command(CommandLine& program);
/// After all others, which it completes.
void add_completion_command(CommandLine& program);

}  // namespace streamdiffusion::app

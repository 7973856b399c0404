// The sub-commands. Each adds itself to the program; what it was asked to do runs after parsing.
#pragma once

#include <CLI/CLI.hpp>

namespace streamdiffusion::app {

void add_image_command(CLI::App& program);
void add_run_command(CLI::App& program);
void add_info_command(CLI::App& program);
void add_bench_command(CLI::App& program);
void add_quantize_command(CLI::App& program);
void add_serve_command(CLI::App& program);

}  // namespace streamdiffusion::app

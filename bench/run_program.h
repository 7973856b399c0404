// How the programs of this folder start and end.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>

namespace streamdiffusion::bench {

/// Calls `body()`, which parses the flags of `cli` and returns the exit status. What it throws
/// becomes 2 for wrong flags and 1 for any other error, with its message on stderr.
template <typename Body>
int run_program(const CLI::App& cli, Body body) {
  try {
    return body();
  } catch (const CLI::ParseError& error) {
    return cli.exit(error) == 0 ? 0 : 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
}

}  // namespace streamdiffusion::bench

// What an NVIDIA card is and can do, apart from any model's frame: prints JSON, one line each.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "cuda/engines.h"
#include "cuda/peaks.h"
#include "run_program.h"

namespace streamdiffusion::bench {
namespace {

void print(const nlohmann::json& line) {
  std::printf("%s\n", line.dump().c_str());
  std::fflush(stdout);
}

void run(const std::string& what, const EngineOptions& options) {
  Card card;
  if (what == "card") print(describe(card));
  if (what == "peaks") print(measure_peaks(card));
  if (what == "engines") time_engines(card, options, print);
}

}  // namespace
}  // namespace streamdiffusion::bench

int main(int argc, char** argv) {
  CLI::App cli("What an NVIDIA card is and can do. Prints JSON, one line each.", "cuda_bench");
  cli.require_subcommand(1);
  cli.add_subcommand("card", "Card, driver, libraries, and cuDNN's own description of the card");
  cli.add_subcommand("peaks",
                     "Rates of a large product and a large copy, and a small kernel's time");
  CLI::App& engines = *cli.add_subcommand(
      "engines", "Times what cuDNN and cuBLASLt propose for every layer of a 512x512 frame");
  streamdiffusion::bench::EngineOptions options;
  engines.add_option("--model", options.model, "sd-turbo or sd15")->capture_default_str();
  engines.add_option("--rows", options.rows, "Rows of the UNet's batch")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  engines.add_option("--most", options.most, "Engines of each layer")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  cli.footer("Examples:\n  cuda_bench card\n  cuda_bench engines --rows 4 > engines.jsonl");
  return streamdiffusion::bench::run_program(cli, [&] {
    cli.parse(argc, argv);
    streamdiffusion::bench::run(cli.get_subcommands().front()->get_name(), options);
    return 0;
  });
}

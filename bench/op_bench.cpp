// Times every kind of op alone, at the sizes of real models: time, FLOP rate, share of the device's
// peak, bytes, and which code ran.
#include <benchmark/benchmark.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "backend/backend.h"
#include "backend/peak.h"
#include "base/clock.h"
#include "op_rows.h"
#include "run_program.h"
#include "session/choose_dtype.h"
#include "streamdiffusion/names.h"
#include "support/case_run.h"

namespace streamdiffusion::bench {
namespace {

using backend::Device;
using backend::test::CaseOptions;
using backend::test::CaseRun;
using backend::test::OpCase;

struct Options {
  std::string device = "cpu", max_isa;
  DataType dtype = DataType::automatic;
  int threads = 0;
  /// Flags of Google Benchmark, --benchmark_…
  std::vector<std::string> benchmark_flags;
};

void parse(CLI::App& cli, int argc, char** argv, Options& o) {
  cli.add_option("--device", o.device, "cpu or ref")->capture_default_str();
  std::vector<std::string> dtypes;
  for (const auto& [word, dtype] : kDataTypes) dtypes.push_back(word);
  cli.add_option_function<std::string>(
         "--dtype", [&o](const std::string& word) { o.dtype = *choice_of(kDataTypes, word); },
         "Type of the arithmetic; auto: the best one of the device")
      ->check(CLI::IsMember(dtypes));
  cli.add_option(
      "--max-isa", o.max_isa,
      "Cap on the instruction set: amx, avx512_bf16, avx512_vnni, avx512, avx2_vnni, avx2");
  cli.add_option("--threads", o.threads, "Threads; 0 for every core")->capture_default_str();
  cli.allow_extras();
  cli.footer(
      "Flags of Google Benchmark are passed on. Examples:\n"
      "  op_bench --benchmark_list_tests\n"
      "  op_bench --benchmark_filter=conv2d/sd-turbo --benchmark_repetitions=5\n"
      "  op_bench --dtype f32 --max-isa avx2 --benchmark_out=ops.json");
  cli.parse(argc, argv);
  o.benchmark_flags = cli.remaining();
}

void time_row(benchmark::State& state, Device& device, const OpCase& row,
              const CaseOptions& options, double peak) {
  CaseRun run(device, row, options);
  double total = 0;
  for (auto _ : state) {
    const auto start = base::Clock::now();
    run.executable().run(graph::Lifetime::per_frame, run.state());
    const double seconds = base::seconds_since(start);
    state.SetIterationTime(seconds);
    total += seconds;
  }
  const backend::OpReport op = run.executable().report().front();
  const double rate = static_cast<double>(state.iterations()) / total * 1e-9;
  state.counters["GFLOP/s"] = op.flops * rate;
  state.counters["%_of_peak"] = 100 * op.flops * rate / peak;
  state.counters["GB/s"] = op.bytes * rate;
  state.SetLabel(op.implementation);
}

void run_all(const Options& o) {
  const auto device = backend::make_device(o.device, {.threads = o.threads, .max_isa = o.max_isa});
  const CaseOptions options{.dtype = session::choose_dtype(o.dtype, *device),
                            .int8 = o.dtype == DataType::int8};
  const double peak = backend::measure_peak(*device, options.dtype, options.int8);
  std::fprintf(stderr, "%s, %s: peak %.0f GFLOP/s\n", device->description().c_str(),
               options.int8 ? "int8" : tensor::to_string(options.dtype), peak);
  for (const OpCase& row : op_rows()) {
    benchmark::RegisterBenchmark(row.name.c_str(),
                                 [&device, row, options, peak](benchmark::State& state) {
                                   time_row(state, *device, row, options, peak);
                                 })
        ->Unit(benchmark::kMillisecond)
        ->UseManualTime();
  }
  benchmark::RunSpecifiedBenchmarks();
}

int run(const Options& o) {
  std::vector<std::string> words{"op_bench", "--benchmark_counters_tabular=true"};
  words.insert(words.end(), o.benchmark_flags.begin(), o.benchmark_flags.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  int argc = static_cast<int>(argv.size());
  benchmark::Initialize(&argc, argv.data());
  if (benchmark::ReportUnrecognizedArguments(argc, argv.data())) return 2;
  run_all(o);
  return 0;
}

}  // namespace
}  // namespace streamdiffusion::bench

int main(int argc, char** argv) {
  CLI::App cli("Times every kind of operation alone, at the sizes of real models.", "op_bench");
  return streamdiffusion::bench::run_program(cli, [&] {
    streamdiffusion::bench::Options options;
    streamdiffusion::bench::parse(cli, argc, argv, options);
    return streamdiffusion::bench::run(options);
  });
}

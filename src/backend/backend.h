// What the engine asks of a device: compile graphs once, keep the state of each stream, run
// programs. Vendor headers stay inside the folder of the backend that needs them.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "graph/graph.h"
#include "graph/memory_plan.h"
#include "tensor/tensor.h"

namespace streamdiffusion::backend {

/// Delivers the f32 values of one tensor of the model; `out` has the product of its dims. Called
/// during compile only.
using ReadWeight = std::function<void(const graph::Weight& weight, std::span<float> out)>;

/// Where the weights of a graph come from. Executables compiled on one device with the same scope
/// share packed weights, so a scope names one set of files, e.g. "models/pictogram/unet".
struct Weights {
  std::string scope;
  ReadWeight read;
};

/// What one thread did for one op, in seconds of the steady clock: from its beginning until it had
/// done its share; it then waits for the others.
struct WorkerSpan {
  int thread = 0;
  double begin = 0, end = 0;
};

/// What the first input of an op was in all runs.
struct Observation {
  graph::ActivationRange range;
  double mean_square = 0, count = 0;
};

/// What is known of one compiled op, for `info`, `bench` and the tests against slow paths.
struct OpReport {
  std::string name, kind, stage;
  /// The library's own name of the code that runs, e.g. "brgconv:avx512_core_bf16".
  std::string implementation;
  graph::Lifetime lifetime = graph::Lifetime::per_frame;
  double flops = 0;
  /// Of its inputs, weights and output.
  double bytes = 0;
  // Of the last run, with DeviceOptions::profile:
  /// Wall time.
  double seconds = 0;
  std::vector<WorkerSpan> spans;
  /// Of products, with DeviceOptions::observe.
  Observation input;
};

/// The persistent values of one stream: inputs, outputs and whatever was computed ahead. Never
/// shared by streams.
class State {
 public:
  virtual ~State() = default;
  /// The memory of a named input or output over all lanes, rows in order. Throws not_found.
  virtual tensor::View input(std::string_view name) const = 0;
  virtual tensor::View output(std::string_view name) const = 0;
};

/// Compiled graphs: the plan, packed weights and primitives. Immutable but for its arena, so that
/// one run goes on at a time; concurrent callers take turns.
class Executable {
 public:
  virtual ~Executable() = default;
  virtual std::unique_ptr<State> make_state() const = 0;
  /// Runs the program of one lifetime. Allocates nothing.
  virtual void run(graph::Lifetime program, State& state) = 0;
  virtual std::vector<OpReport> report() const = 0;
  /// Groups of rows that run side by side.
  virtual std::size_t lanes() const = 0;
  virtual std::size_t arena_bytes() const = 0;
  virtual std::size_t state_bytes() const = 0;
};

class Device {
 public:
  virtual ~Device() = default;
  virtual std::string name() const = 0;
  /// One line for people, e.g. "bf16 on 2 cores (AVX512-BF16)".
  virtual std::string description() const = 0;
  virtual int threads() const = 0;
  /// The type activations should have here unless the user says otherwise.
  virtual tensor::DType preferred_dtype() const = 0;
  /// Whether activations may have this type here.
  virtual bool supports(tensor::DType dtype) const = 0;
  /// Whether ops marked for 8 bits run here.
  virtual bool has_eight_bits() const = 0;
  /// Compiles the same computation for disjoint groups of rows ("lanes"), which run side by side,
  /// each on its share of the threads. One lane means that every op is spread over all threads.
  /// Inputs and outputs of the lanes with the same name are one view, rows in order; an input named
  /// in `shared_inputs` is the same rows for every lane.
  virtual std::unique_ptr<Executable> compile(std::vector<graph::Graph> lanes,
                                              const Weights& weights,
                                              std::span<const std::string> shared_inputs = {}) = 0;
  /// Bytes of packed weights that the executables compiled here hold together.
  virtual std::size_t weight_bytes() const = 0;
};

struct DeviceOptions {
  /// 0: as many as the process may use.
  int threads = 0;
  /// Take the time of every op.
  bool profile = false;
  /// Note what goes into every product, which costs time.
  bool observe = false;
  /// Cap on the instruction set ("avx2", "avx512_core", …) or empty.
  std::string max_isa;
};

/// Names that make_device accepts in this build.
std::vector<std::string> device_names();

/// Throws not_found, naming the devices that are built in.
std::unique_ptr<Device> make_device(std::string_view name, const DeviceOptions& options = {});

}  // namespace streamdiffusion::backend

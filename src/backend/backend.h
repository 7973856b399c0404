// The interface of a device. It compiles graphs once, keeps the state of each stream, and runs
// programs. Vendor headers stay inside the folder of the backend that needs them.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "backend/stream_step.h"
#include "base/error.h"
#include "graph/graph.h"
#include "graph/memory_plan.h"
#include "tensor/tensor.h"

namespace streamdiffusion::backend {

/// Writes one tensor of the model to `out` as f32; out.size() is the product of its dims. Called
/// during compile only.
using ReadWeight = std::function<void(const graph::Weight& weight, std::span<float> out)>;

/// Where the weights of a graph come from. Executables that one device compiles with the same scope
/// share packed weights, so a scope must name one set of files, e.g. "models/pictogram/unet".
struct Weights {
  std::string scope;
  ReadWeight read;
  /// What tells a tensor from the same one with other values, e.g. under another scale of a LoRA.
  /// Tensors for which it is equal are shared. May be empty.
  std::function<std::string(const graph::Weight& weight)> variant;

  /// Names the tensor's values among all that the device packs.
  std::string key(const graph::Weight& weight) const {
    return scope + '\n' + weight.name + (variant ? variant(weight) : std::string());
  }
};

/// When one thread worked on one op, in seconds of the steady clock: from the start of the op to
/// the end of the thread's share. The thread then waits for the others.
struct WorkerSpan {
  int thread = 0;
  double begin = 0, end = 0;
};

/// Statistics of the first input of an op, over all runs.
struct ActivationStats {
  graph::ActivationRange range;
  double mean_square = 0;
  /// Number of values.
  double count = 0;
};

/// One compiled op, for `info`, `bench` and the tests against slow paths.
struct OpReport {
  std::string name, kind, stage;
  /// The library's own name of the kernel, e.g. "brgconv:avx512_core_bf16".
  std::string implementation;
  graph::Lifetime lifetime = graph::Lifetime::per_frame;
  double flops = 0;
  /// Of its inputs, weights and output.
  double bytes = 0;
  // Of the last run whose ops were timed, with DeviceOptions::profile:
  /// Wall time.
  double seconds = 0;
  std::vector<WorkerSpan> spans;
  /// Of ops that have an int8 form, with DeviceOptions::collect_activation_stats.
  ActivationStats input_stats;
};

/// A piece of a stream's state, in bytes from its start.
struct Extent {
  std::size_t offset = 0, bytes = 0;
};

/// The persistent values of one stream: inputs, outputs and what was computed ahead. Streams share
/// none of them.
class State {
 public:
  virtual ~State() = default;
  /// The memory of a named input or output, over all row groups, rows in order. Throws not_found.
  virtual tensor::View input(std::string_view name) const = 0;
  virtual tensor::View output(std::string_view name) const = 0;
  /// Copies pieces of another state of the same device, the first piece to the first and so on.
  /// Allocates nothing. Throws internal unless they agree in number and sizes.
  virtual void copy(std::span<const Extent> to, const State& from,
                    std::span<const Extent> pieces) = 0;
  /// The device alone writes this input, or reads this output (StreamStep): programs do not copy it
  /// from or to what input() and output() show. To be called before the first run. No-op where the
  /// memory is this machine's. Throws not_found.
  virtual void keep_on_device(std::string_view /*port*/) {}
  /// From now on the inputs and outputs that change with every frame are there kFrameBuffers times,
  /// so that one frame is written or read here while the device works on the other. To be called
  /// before the first run, and after keep_on_device(). No-op where the memory is this machine's.
  virtual void buffer_frames() {}
  /// Which of them input() and output() show, and submit() copies: 0 to kFrameBuffers - 1.
  virtual void use_buffer(int /*buffer*/) {}
};

/// Lets others use the device in the middle of a long run.
class Pause {
 public:
  /// Seconds after which a run may pause, where an op ends.
  static constexpr double kSeconds = 0.03;
  explicit Pause(double after = kSeconds) : after_(after) {}
  virtual ~Pause() = default;
  double after() const { return after_; }
  /// Whether somebody waits for the device. Called by a thread of the device, often.
  virtual bool wanted() const = 0;
  /// Called on the thread of run(), with the device free. What it throws ends the run.
  virtual void pause() = 0;

 private:
  const double after_;
};

/// Compiled graphs with their memory plans, packed weights and kernels. All streams share its
/// arena, so one run is in progress at a time; concurrent callers wait.
class Executable {
 public:
  virtual ~Executable() = default;
  virtual std::unique_ptr<State> make_state() const = 0;
  /// Runs the program of one lifetime. Allocates nothing. While it is paused, concurrent callers
  /// still wait.
  virtual void run(graph::Lifetime program, State& state, Pause* pause = nullptr) = 0;
  /// The same, but a device that has a queue of its own does not wait for the end: what comes out
  /// is there after the next run(), or after StreamStep::wait(). With State::buffer_frames(), what
  /// the frame program copies is copied beside the work that was queued before.
  virtual void submit(graph::Lifetime program, State& state, Pause* pause = nullptr) {
    run(program, state, pause);
  }
  virtual std::vector<OpReport> report() const = 0;
  /// By row of a call: what the frame program reads for it that the program of `lifetime` left in
  /// the stream's state. Executables of the same computation give the same pieces in the same
  /// order, whatever rows they have, so that a row can move from one to another (State::copy).
  /// Throws internal for a computation whose rows share such a value otherwise than as a prompt.
  virtual std::vector<std::vector<Extent>> hoisted_rows(graph::Lifetime lifetime) const = 0;
  /// Names of the inputs that change with every frame. Each has a row for each row of the call.
  virtual std::vector<std::string> frame_inputs() const = 0;
  /// How many groups of rows run side by side.
  virtual std::size_t row_groups() const = 0;
  virtual std::size_t arena_bytes() const = 0;
  virtual std::size_t state_bytes() const = 0;
};

/// One fact about a device, e.g. {"cuDNN", "9.19.0, /usr/lib/libcudnn.so.9"}.
struct Detail {
  std::string name, value;
};

/// Rows of bytes in the memory of a device, from the lowest address up.
struct DeviceRows {
  void* first = nullptr;
  /// From one row to the next, and in each row.
  std::size_t pitch = 0, bytes = 0;
  std::size_t count = 0;
};

class Device {
 public:
  virtual ~Device() = default;
  virtual std::string name() const = 0;
  /// One line for people, without the data type, e.g. "2 threads, AVX512-BF16".
  virtual std::string description() const = 0;
  virtual int threads() const = 0;
  /// The type of activations unless the user chooses another.
  virtual tensor::DType preferred_dtype() const = 0;
  /// Whether activations may have this type.
  virtual bool supports(tensor::DType dtype) const = 0;
  /// Whether ops marked for int8 can run.
  virtual bool supports_int8() const = 0;
  /// Compiles the same computation for disjoint groups of rows, one graph a group. The groups run
  /// side by side, each on its share of the threads; with one group, every op uses all threads.
  /// Inputs and outputs of one name are one view over all groups, rows in order. An input named in
  /// `shared_inputs` is the same rows for every group.
  virtual std::unique_ptr<Executable> compile(std::vector<graph::Graph> row_groups,
                                              const Weights& weights,
                                              std::span<const std::string> shared_inputs = {}) = 0;
  /// Whether a row of a call has the same bits whatever other rows the call has, and however many.
  virtual bool rows_are_independent() const = 0;
  /// Whether a run calls Pause::pause() where an op ends. If not, it ends within milliseconds.
  virtual bool can_pause() const = 0;
  /// What it runs on, for people, one fact each: {"driver", "CUDA 13.0"}. May be empty.
  virtual std::vector<Detail> details() const { return {}; }
  /// Joules that the device has used since some moment, if it counts them. Read it over seconds:
  /// counters are renewed some ten times a second.
  virtual std::optional<double> energy_joules() const { return std::nullopt; }
  /// Whether weights and values are in the memory of this machine, and not of a card.
  virtual bool in_host_memory() const { return true; }
  /// Null where the memory is this machine's: the stream batch is on the host then.
  virtual std::unique_ptr<StreamStep> make_stream_step(const StreamStepShape& /*shape*/) {
    return nullptr;
  }
  /// Copies rows that lie in the device's own memory into this machine's, without gaps, or back,
  /// and waits for that. What was queued on the card's default stream comes first. Thread-safe.
  /// Throws unsupported where the device has no memory of its own, and invalid_argument for rows
  /// that do not lie in it.
  virtual void download(std::byte* /*to*/, const DeviceRows& /*from*/) { refuse_card_memory(); }
  virtual void upload(const DeviceRows& /*to*/, const std::byte* /*from*/) { refuse_card_memory(); }
  /// About the bytes that compile() would keep of the weights of a graph and its plan. Reads none.
  virtual std::size_t planned_weight_bytes(const graph::Graph& graph,
                                           const graph::MemoryPlan& plan) const {
    std::size_t total = 0;
    for (const auto& program : plan.programs) {
      for (const int op : program)
        total += graph.weight_bytes(graph.ops[static_cast<std::size_t>(op)]);
    }
    return total;
  }
  /// Bytes of packed weights that all executables of this device hold together.
  virtual std::size_t weight_bytes() const = 0;

 private:
  [[noreturn]] void refuse_card_memory() const {
    base::fail(base::ErrorCode::unsupported,
               "the frame is in the memory of a card, and the engine's device is ", name(),
               "; expected a frame in the memory of this machine");
  }
};

struct DeviceOptions {
  /// 0: one for each core that the process may use.
  int threads = 0;
  /// Measure the time of every op.
  bool profile = false;
  /// Collect the input statistics that int8 calibration needs, which takes time.
  bool collect_activation_stats = false;
  /// Cap on the instruction set ("avx2", "avx512", …), or empty. The cpu device alone has one.
  std::string max_isa;
  /// Where plans are kept between runs; empty: nowhere. The cuda device alone has them.
  std::string cache_folder;
  /// Time several kernels for each shape of a layer of which none is kept, and keep the fastest.
  /// The cuda device alone does.
  bool tune = false;
};

/// What "auto" stands for on this machine.
struct AutomaticDevice {
  /// "cuda" if a card can be used, else `without_card`.
  std::string name;
  /// "cpu", or "ref" in a build without it.
  std::string without_card;
  /// If the machine has an NVIDIA card that cannot be used: why, and what helps. Else empty.
  std::string missing;
};
AutomaticDevice automatic_device();

/// Names that make_device accepts in this build.
std::vector<std::string> device_names();

/// Throws not_found for a device that this build leaves out, naming those that are built in, and
/// invalid_argument for another name.
std::unique_ptr<Device> make_device(std::string_view name, const DeviceOptions& options = {});

}  // namespace streamdiffusion::backend

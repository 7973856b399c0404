// A compiled op of the cpu backend. Each worker of a row group runs its own, fixed share of it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/align.h"
#include "graph/graph.h"
#include "graph/memory_plan.h"

struct dnnl_stream;

namespace streamdiffusion::backend {
struct Weights;
}

namespace streamdiffusion::backend::cpu {

class Staging;
class WeightCache;

/// Each part of scratch memory starts at a cache line.
using base::aligned;

/// What a worker gives a kernel: its index, its memory, and the addresses of the group's values.
struct Worker {
  int index = 0;
  /// By value id.
  void* const* values = nullptr;
  /// This worker's own, at least scratch_bytes() of the kernel.
  std::byte* scratch = nullptr;
  /// The row group's, kept from one stage of a kernel to the next.
  std::byte* shared = nullptr;
  /// What the kernel keeps for the stream, kept_bytes(); zero at first.
  std::byte* kept = nullptr;
  dnnl_stream* stream = nullptr;
  /// The status of a oneDNN call that failed. Stored with relaxed order: the team's join orders it
  /// before the read.
  std::atomic<int>* failure = nullptr;

  template <typename T>
  T* value(graph::Value v) const {
    return static_cast<T*>(values[static_cast<std::size_t>(v.id)]);
  }
};

class Kernel {
 public:
  virtual ~Kernel() = default;
  /// All workers of the row group wait for each other after every stage.
  virtual int stages() const { return 1; }
  virtual void run(int stage, const Worker& worker) const = 0;
  virtual std::string implementation() const = 0;
  virtual std::size_t scratch_bytes() const { return 0; }
  virtual std::size_t shared_bytes() const { return 0; }
  /// Of each stream, from call to call.
  virtual std::size_t kept_bytes() const { return 0; }
};

/// What a kernel is made from.
struct KernelContext {
  const graph::Graph& graph;
  const graph::MemoryPlan& plan;
  const graph::Op& op;
  const Weights& weights;
  WeightCache& cache;
  Staging& staging;
  /// Of the row group, and of all groups together.
  int workers = 1, team = 1;

  const tensor::Desc& input(std::size_t i) const { return graph.desc(op.inputs[i]); }
  const tensor::Desc& output() const { return graph.desc(op.output); }
  const graph::Weight& weight(std::size_t i) const {
    return graph.weights[static_cast<std::size_t>(op.weights[i])];
  }
};

// One for each kind of op: conv/forms.cpp, and the files of ops/.
std::unique_ptr<Kernel> make_kernel(const graph::Conv2d& op, const KernelContext& context);
std::unique_ptr<Kernel> make_kernel(const graph::Linear& op, const KernelContext& context);
std::unique_ptr<Kernel> make_kernel(const graph::GegluLinear& op, const KernelContext& context);
std::unique_ptr<Kernel> make_kernel(const graph::GroupNorm& op, const KernelContext& context);
std::unique_ptr<Kernel> make_kernel(const graph::LayerNorm& op, const KernelContext& context);
std::unique_ptr<Kernel> make_kernel(const graph::Attention& op, const KernelContext& context);
std::unique_ptr<Kernel> make_kernel(const graph::Add& op, const KernelContext& context);
std::unique_ptr<Kernel> make_kernel(const graph::AddScaled& op, const KernelContext& context);
std::unique_ptr<Kernel> make_kernel(const graph::Act& op, const KernelContext& context);
std::unique_ptr<Kernel> make_kernel(const graph::Convert& op, const KernelContext& context);
std::unique_ptr<Kernel> make_kernel(const graph::UpsampleNearest& op, const KernelContext& context);
std::unique_ptr<Kernel> make_kernel(const graph::ConcatChannels& op, const KernelContext& context);
std::unique_ptr<Kernel> make_kernel(const graph::ConcatTokens& op, const KernelContext& context);
std::unique_ptr<Kernel> make_kernel(const graph::SliceChannels& op, const KernelContext& context);
std::unique_ptr<Kernel> make_kernel(const graph::Embedding& op, const KernelContext& context);
std::unique_ptr<Kernel> make_kernel(const graph::TimestepEmbedding& op,
                                    const KernelContext& context);
std::unique_ptr<Kernel> make_kernel(const graph::InjectFeatures& op, const KernelContext& context);

}  // namespace streamdiffusion::backend::cpu

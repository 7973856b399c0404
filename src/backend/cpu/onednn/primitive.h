// A small wrapper around oneDNN 2.6: types, and a primitive that runs without allocating.
#pragma once

#include <dnnl.hpp>
#include <initializer_list>
#include <string>
#include <vector>

#include "backend/cpu/kernel.h"
#include "graph/ops/activation.h"
#include "tensor/tensor.h"

namespace streamdiffusion::backend::cpu {

const dnnl::engine& dnnl_engine();
dnnl::memory::data_type dnnl_type(tensor::DType dtype);
/// Whether oneDNN may use all of an instruction set.
bool has_isa(dnnl::cpu_isa isa);

/// oneDNN's post-ops: a residual in the destination is added, then the activation applied.
dnnl::primitive_attr epilogue(bool residual, graph::Activation act);

/// A oneDNN primitive with its memory objects, one set for each worker. Arguments with a fixed
/// address are bound once. The others are bound on each run, in the order in which they were given.
/// The scratchpad is the worker's.
class Primitive {
 public:
  struct Argument {
    /// DNNL_ARG_…
    int index;
    dnnl::memory::desc desc;
    const void* fixed = nullptr;
  };

  Primitive() = default;
  Primitive(dnnl::primitive primitive, const dnnl::memory::desc& scratchpad,
            const std::vector<Argument>& arguments, int workers);

  void run(const Worker& worker, std::initializer_list<const void*> addresses) const;
  std::size_t scratch_bytes() const { return scratch_bytes_; }
  std::string implementation() const;

 private:
  struct Binding {
    std::vector<dnnl::memory> memories;
    /// Those bound on each run, then the scratchpad, then the fixed ones.
    std::vector<dnnl_exec_arg_t> arguments;
  };

  dnnl::primitive primitive_;
  std::vector<Binding> bindings_;
  std::size_t per_run_ = 0;
  std::size_t scratch_bytes_ = 0;
};

}  // namespace streamdiffusion::backend::cpu

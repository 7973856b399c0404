// The thin wrapper around oneDNN 2.6: types, a primitive that runs without allocating anything of
// ours, and names.
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
/// Whether the library may use all of an instruction set.
bool has_isa(dnnl::cpu_isa isa);

/// Appends what follows the product: a residual summed in place, then an activation.
dnnl::primitive_attr epilogue(bool residual, graph::Activation act);

/// A oneDNN primitive with its memory objects, one set a worker. Arguments with a fixed address are
/// bound at once, the others on each run in the order they were given; the scratchpad is the
/// worker's.
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
    /// Moving ones first, then the scratchpad, then the fixed ones.
    std::vector<dnnl_exec_arg_t> arguments;
  };

  dnnl::primitive primitive_;
  std::vector<Binding> bindings_;
  std::size_t per_run_ = 0;
  std::size_t scratch_bytes_ = 0;
};

}  // namespace streamdiffusion::backend::cpu

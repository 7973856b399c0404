// What NVIDIA's libraries compute: convolutions, matrix products and attention. The tests put a
// plain implementation in their place.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "backend/cuda/convolution_form.h"
#include "backend/cuda/runtime.h"
#include "graph/ops/attention.h"

namespace streamdiffusion::backend::cuda {

/// A call of a library, planned once for its shapes. Its work goes to the runtime's stream.
class LibraryCall {
 public:
  virtual ~LibraryCall() = default;
  virtual std::size_t workspace_bytes() const = 0;
  /// The engine or algorithm that was chosen, e.g. "cudnn engine 41".
  virtual std::string implementation() const = 0;
};

/// Of a layer with a weight, in the card's memory. A null term is left out.
struct LayerOperands {
  const void* x = nullptr;
  const void* weight = nullptr;
  const void* bias = nullptr;
  const void* residual = nullptr;
  void* y = nullptr;
  void* workspace = nullptr;
};

/// y = relu(conv(x) + residual + bias), each term as the form says.
class Convolution : public LibraryCall {
 public:
  /// x has form.in channels.
  using Operands = LayerOperands;
  virtual void run(const Operands& operands) = 0;
};

struct GemmShape {
  std::int64_t tokens = 0, in = 0, out = 0;
  /// Of x and the weight; of y, the residual and the bias.
  tensor::DType dtype = tensor::DType::f32, output_dtype = tensor::DType::f32;
  bool bias = false, residual = false, relu = false;
};

/// y [tokens, out] = relu(x [tokens, in] weight^T [in, out] + residual + bias).
class Gemm : public LibraryCall {
 public:
  using Operands = LayerOperands;
  virtual void run(const Operands& operands) = 0;
};

/// Attention of one run of rows (attention_runs.h).
class AttentionCall : public LibraryCall {
 public:
  struct Operands {
    const void* q = nullptr;
    const void* k = nullptr;
    const void* v = nullptr;
    void* y = nullptr;
    void* workspace = nullptr;
  };
  virtual void run(const Operands& operands) = 0;
};

struct AttentionShape {
  std::int64_t batch = 1, queries = 0, keys = 0, heads = 1, size = 0;
  tensor::DType dtype = tensor::DType::f32;
};

class Libraries {
 public:
  virtual ~Libraries() = default;
  /// Throws unsupported if there is no engine.
  virtual std::unique_ptr<Convolution> convolution(const graph::Conv2d& op,
                                                   const ConvolutionForm& form,
                                                   const tensor::Shape& x, const tensor::Shape& y,
                                                   tensor::DType dtype) = 0;
  virtual std::unique_ptr<Gemm> gemm(const GemmShape& shape) = 0;
  /// Null if the library does not take the shape; then launch_attention runs it.
  virtual std::unique_ptr<AttentionCall> attention(const AttentionShape& shape) = 0;
  /// For people: "cuDNN 9.19.0, cuBLASLt 13.1.0".
  virtual std::string description() const = 0;
  /// As Device::details(): versions and where they were found.
  virtual std::vector<Detail> details() const { return {}; }
};

}  // namespace streamdiffusion::backend::cuda

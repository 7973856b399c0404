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

/// Of a convolution or a matrix product.
class LayerCall : public LibraryCall {
 public:
  using Operands = LayerOperands;
  virtual void run(const Operands& operands) = 0;
  /// What the library makes the same call from, with the same versions on the same card.
  virtual std::string text() const = 0;
};

/// y = relu(conv(x) + residual + bias), each term as the form says.
struct ConvolutionShape {
  graph::Conv2d op;
  /// convolution_form() of the op and type.
  ConvolutionForm form;
  /// x has form.in channels.
  tensor::Shape x, y;
  tensor::DType dtype = tensor::DType::f32;
};

/// y [tokens, out] = relu(x [tokens, in] weight^T [in, out] + residual + bias), once, or several
/// times of the same x: then without a residual, and the weights and the biases of one product lie
/// right behind those of the one before it.
struct GemmShape {
  std::int64_t tokens = 0, in = 0, out = 0;
  /// Of x and the weight; of y, the residual and the bias.
  tensor::DType dtype = tensor::DType::f32, output_dtype = tensor::DType::f32;
  bool bias = false, residual = false, relu = false;
  /// Products of the same x, and the elements from the y of one to that of the next.
  std::int64_t products = 1, y_stride = 0;
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
  /// One to `most` calls, the library's best guess first. Throw unsupported if there is none.
  virtual std::vector<std::unique_ptr<LayerCall>> convolutions(const ConvolutionShape& shape,
                                                               std::size_t most) = 0;
  virtual std::vector<std::unique_ptr<LayerCall>> gemms(const GemmShape& shape,
                                                        std::size_t most) = 0;
  /// The call of this text, or null if the library refuses it.
  virtual std::unique_ptr<LayerCall> convolution(const ConvolutionShape& shape,
                                                 const std::string& text) = 0;
  virtual std::unique_ptr<LayerCall> gemm(const GemmShape& shape, const std::string& text) = 0;
  /// Null if the library does not take the shape; then launch_attention runs it.
  virtual std::unique_ptr<AttentionCall> attention(const AttentionShape& shape) = 0;
  /// For people: "cuDNN 9.19.0, cuBLASLt 13.1.0".
  virtual std::string description() const = 0;
  /// As Device::details(): versions and where they were found.
  virtual std::vector<Detail> details() const { return {}; }
};

}  // namespace streamdiffusion::backend::cuda

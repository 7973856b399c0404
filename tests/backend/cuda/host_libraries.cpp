// What the libraries compute, as plain loops over the same operands in the same layouts.
#include "backend/cuda/host_device.h"
#include "base/half.h"

namespace streamdiffusion::backend::cuda::test {
namespace {

using tensor::DType;
using tensor::Shape;

double get(const void* data, DType dtype, std::int64_t i) {
  if (dtype == DType::f32) return static_cast<const float*>(data)[i];
  const std::uint16_t bits = static_cast<const std::uint16_t*>(data)[i];
  return dtype == DType::bf16 ? base::bf16_to_f32(bits) : base::f16_to_f32(bits);
}

void set(void* data, DType dtype, std::int64_t i, double value) {
  const auto rounded = static_cast<float>(value);
  if (dtype == DType::f32) {
    static_cast<float*>(data)[i] = rounded;
  } else {
    static_cast<std::uint16_t*>(data)[i] =
        dtype == DType::bf16 ? base::f32_to_bf16(rounded) : base::f32_to_f16(rounded);
  }
}

/// Residual, bias and ReLU, in this order, and the only rounding.
template <typename Operands>
void finish(const Operands& o, DType dtype, std::int64_t at, std::int64_t channel, double sum,
            bool relu) {
  if (o.residual != nullptr) sum += get(o.residual, dtype, at);
  if (o.bias != nullptr) sum += get(o.bias, dtype, channel);
  set(o.y, dtype, at, relu && sum < 0 ? 0 : sum);
}

/// Queues run(operands); the operands must be complete.
template <typename Interface>
class HostCall final : public Interface {
 public:
  using Operands = typename Interface::Operands;
  HostCall(HostRuntime& runtime, std::function<void(const Operands&)> run)
      : runtime_(runtime), run_(std::move(run)) {}

  std::size_t workspace_bytes() const override { return 128; }
  std::string implementation() const override { return "host"; }
  void run(const Operands& operands) override {
    runtime_.enqueue([run = run_, operands] { run(operands); });
  }

 private:
  HostRuntime& runtime_;
  const std::function<void(const Operands&)> run_;
};

struct ConvolutionLoops {
  graph::Conv2d op;
  ConvolutionForm form;
  Shape x, y;
  DType dtype;

  /// Calls visit(input index, weight index) for what output (line, column, channel) of a row sums.
  template <typename Visit>
  void each_product(std::int64_t row, std::int64_t line, std::int64_t column, std::int64_t channel,
                    const Visit& visit) const {
    const std::int64_t taps = form.taps(op);
    for (std::int64_t r = 0; r < taps; ++r) {
      for (std::int64_t s = 0; s < taps; ++s) {
        // A transposed convolution with stride 2 and padding 1 sums x[p] w[q - 2 p + 1] for output q.
        const std::int64_t h = form.transposed ? line + 1 - r : line * op.stride + r - op.pad_begin,
                           w = form.transposed ? column + 1 - s
                                               : column * op.stride + s - op.pad_begin;
        if (form.transposed && (h % 2 != 0 || w % 2 != 0)) continue;
        const std::int64_t i = form.transposed ? h / 2 : h, j = form.transposed ? w / 2 : w;
        if (h < 0 || w < 0 || i >= x.h || j >= x.w) continue;
        for (std::int64_t c = 0; c < x.c; ++c) {
          visit(((row * x.h + i) * x.w + j) * x.c + c,
                form.transposed ? ((c * taps + r) * taps + s) * y.c + channel
                                : ((channel * taps + r) * taps + s) * x.c + c);
        }
      }
    }
  }

  void operator()(const Convolution::Operands& o) const {
    for (std::int64_t at = 0; at < y.elements(); ++at) {
      const std::int64_t channel = at % y.c, column = at / y.c % y.w, line = at / y.c / y.w % y.h,
                         row = at / y.row_elements();
      double sum = 0;
      each_product(row, line, column, channel, [&](std::int64_t input, std::int64_t weight) {
        sum += get(o.x, dtype, input) * get(o.weight, dtype, weight);
      });
      finish(o, dtype, at, channel, sum, form.relu);
    }
  }
};

struct GemmLoops {
  GemmShape shape;

  void operator()(const Gemm::Operands& o) const {
    for (std::int64_t at = 0; at < shape.tokens * shape.out; ++at) {
      const std::int64_t token = at / shape.out, channel = at % shape.out;
      double sum = 0;
      for (std::int64_t i = 0; i < shape.in; ++i)
        sum += get(o.x, shape.dtype, token * shape.in + i) *
               get(o.weight, shape.dtype, channel * shape.in + i);
      finish(o, shape.output_dtype, at, channel, sum, shape.relu);
    }
  }
};

/// Takes no attention: all of it runs on our kernel.
class HostLibraries final : public Libraries {
 public:
  explicit HostLibraries(HostRuntime& runtime) : runtime_(runtime) {}

  std::unique_ptr<Convolution> convolution(const graph::Conv2d& op, const ConvolutionForm& form,
                                           const Shape& x, const Shape& y, DType dtype) override {
    return std::make_unique<HostCall<Convolution>>(runtime_,
                                                   ConvolutionLoops{op, form, x, y, dtype});
  }
  std::unique_ptr<Gemm> gemm(const GemmShape& shape) override {
    return std::make_unique<HostCall<Gemm>>(runtime_, GemmLoops{shape});
  }
  std::unique_ptr<AttentionCall> attention(const AttentionShape&) override { return nullptr; }
  std::string description() const override { return "plain loops"; }

 private:
  HostRuntime& runtime_;
};

}  // namespace

std::unique_ptr<Libraries> make_host_libraries(HostRuntime& runtime) {
  return std::make_unique<HostLibraries>(runtime);
}

}  // namespace streamdiffusion::backend::cuda::test

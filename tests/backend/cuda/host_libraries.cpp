// What the libraries compute, as plain loops over the same operands in the same layouts.
#include "backend/cuda/host_device.h"
#include "base/half.h"

namespace streamdiffusion::backend::cuda::test {
namespace {

using tensor::DType;
using tensor::Shape;

float get(const void* data, DType dtype, std::int64_t i) {
  if (dtype == DType::f32) return static_cast<const float*>(data)[i];
  const std::uint16_t bits = static_cast<const std::uint16_t*>(data)[i];
  return dtype == DType::bf16 ? base::bf16_to_f32(bits) : base::f16_to_f32(bits);
}

std::vector<float> read(const void* data, DType dtype, std::int64_t elements) {
  std::vector<float> values(static_cast<std::size_t>(elements));
  for (std::int64_t i = 0; i < elements; ++i)
    values[static_cast<std::size_t>(i)] = get(data, dtype, i);
  return values;
}

/// The sum of products of `count` numbers; those of b lie `stride` apart.
double dot(const float* a, const float* b, std::int64_t count, std::int64_t stride) {
  double sum = 0;
  for (std::int64_t i = 0; i < count; ++i) sum += double{a[i]} * double{b[i * stride]};
  return sum;
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
void finish(const LayerOperands& o, DType dtype, std::int64_t at, std::int64_t channel, double sum,
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

  /// What output (line, column, channel) of a row sums.
  double sum(const float* x_values, const float* weight, std::int64_t row, std::int64_t line,
             std::int64_t column, std::int64_t channel) const {
    const std::int64_t taps = form.taps(op);
    double sum = 0;
    for (std::int64_t r = 0; r < taps; ++r) {
      for (std::int64_t s = 0; s < taps; ++s) {
        // A transposed convolution with stride 2 and padding 1 sums x[p] w[q - 2 p + 1] for output
        // q.
        const std::int64_t h = form.transposed ? line + 1 - r : line * op.stride + r - op.pad_begin,
                           w = form.transposed ? column + 1 - s
                                               : column * op.stride + s - op.pad_begin;
        if (form.transposed && (h % 2 != 0 || w % 2 != 0)) continue;
        const std::int64_t i = form.transposed ? h / 2 : h, j = form.transposed ? w / 2 : w;
        if (h < 0 || w < 0 || i >= x.h || j >= x.w) continue;
        const float* input = x_values + ((row * x.h + i) * x.w + j) * x.c;
        sum += form.transposed
                   ? dot(input, weight + (r * taps + s) * y.c + channel, x.c, taps * taps * y.c)
                   : dot(input, weight + ((channel * taps + r) * taps + s) * x.c, x.c, 1);
      }
    }
    return sum;
  }

  void operator()(const Convolution::Operands& o) const {
    const std::vector<float> input = read(o.x, dtype, x.elements()),
                             weight = read(o.weight, dtype, form.weight_shape(op).elements());
    for (std::int64_t at = 0; at < y.elements(); ++at) {
      const std::int64_t channel = at % y.c, column = at / y.c % y.w, line = at / y.c / y.w % y.h,
                         row = at / y.row_elements();
      finish(o, dtype, at, channel, sum(input.data(), weight.data(), row, line, column, channel),
             form.relu);
    }
  }
};

struct GemmLoops {
  GemmShape shape;

  void operator()(const Gemm::Operands& o) const {
    const std::vector<float> x = read(o.x, shape.dtype, shape.tokens * shape.in),
                             weight = read(o.weight, shape.dtype, shape.out * shape.in);
    for (std::int64_t at = 0; at < shape.tokens * shape.out; ++at) {
      const std::int64_t token = at / shape.out, channel = at % shape.out;
      finish(o, shape.output_dtype, at, channel,
             dot(x.data() + token * shape.in, weight.data() + channel * shape.in, shape.in, 1),
             shape.relu);
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

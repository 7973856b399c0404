// What the libraries compute, as plain loops over the same operands in the same layouts.
#include <algorithm>

#include "backend/cuda/host_device.h"
#include "base/error.h"
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

/// Queues run(operands); the operands must be complete. `place` is that in Record::call_seconds.
class HostCall final : public LayerCall {
 public:
  HostCall(HostRuntime& runtime, std::size_t place, std::function<void(const Operands&)> run)
      : runtime_(runtime), place_(place), run_(std::move(run)) {}

  std::size_t workspace_bytes() const override { return 128 * (place_ + 1); }
  std::string implementation() const override {
    return place_ == 0 ? "host" : base::concat("host ", place_);
  }
  std::string text() const override { return std::to_string(place_); }
  void run(const Operands& operands) override {
    HostRuntime::Record& record = runtime_.record();
    base::require(record.broken_call != place_, base::ErrorCode::internal, "the call is broken");
    runtime_.enqueue([run = run_, operands, &record, place = place_] {
      run(operands);
      if (record.seconds) *record.seconds += record.call_seconds.at(place);
    });
  }

 private:
  HostRuntime& runtime_;
  const std::size_t place_;
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

  void operator()(const LayerOperands& o) const {
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

  void operator()(const LayerOperands& o) const {
    const std::vector<float> x = read(o.x, shape.dtype, shape.tokens * shape.in),
                             weight =
                                 read(o.weight, shape.dtype, shape.products * shape.out * shape.in);
    for (std::int64_t product = 0; product < shape.products; ++product) {
      for (std::int64_t i = 0; i < shape.tokens * shape.out; ++i) {
        const std::int64_t token = i / shape.out, channel = product * shape.out + i % shape.out;
        finish(o, shape.output_dtype, product * shape.y_stride + i, channel,
               dot(x.data() + token * shape.in, weight.data() + channel * shape.in, shape.in, 1),
               shape.relu);
      }
    }
  }
};

/// Takes no attention: all of it runs on our kernel.
class HostLibraries final : public Libraries {
 public:
  explicit HostLibraries(HostRuntime& runtime) : runtime_(runtime) {}

  std::vector<std::unique_ptr<LayerCall>> convolutions(const ConvolutionShape& s,
                                                       std::size_t most) override {
    return propose(ConvolutionLoops{s.op, s.form, s.x, s.y, s.dtype}, most);
  }
  std::vector<std::unique_ptr<LayerCall>> gemms(const GemmShape& shape, std::size_t most) override {
    base::require(shape.products == 1 || runtime_.record().several_products,
                  base::ErrorCode::unsupported, "no call of several products");
    return propose(GemmLoops{shape}, most);
  }
  std::unique_ptr<LayerCall> convolution(const ConvolutionShape& s,
                                         const std::string& text) override {
    return restore(ConvolutionLoops{s.op, s.form, s.x, s.y, s.dtype}, text);
  }
  std::unique_ptr<LayerCall> gemm(const GemmShape& shape, const std::string& text) override {
    return restore(GemmLoops{shape}, text);
  }
  std::unique_ptr<AttentionCall> attention(const AttentionShape&) override { return nullptr; }
  std::string description() const override { return "plain loops"; }

 private:
  template <typename Loops>
  std::vector<std::unique_ptr<LayerCall>> propose(const Loops& loops, std::size_t most) {
    HostRuntime::Record& record = runtime_.record();
    ++record.proposed;
    std::vector<std::unique_ptr<LayerCall>> calls;
    for (std::size_t i = 0; i < std::min(most, record.call_seconds.size()); ++i)
      calls.push_back(std::make_unique<HostCall>(runtime_, i, loops));
    return calls;
  }
  template <typename Loops>
  std::unique_ptr<LayerCall> restore(const Loops& loops, const std::string& text) {
    HostRuntime::Record& record = runtime_.record();
    if (record.refuses_texts) return nullptr;
    ++record.restored;
    return std::make_unique<HostCall>(runtime_, std::stoul(text), loops);
  }

  HostRuntime& runtime_;
};

}  // namespace

std::unique_ptr<Libraries> make_host_libraries(HostRuntime& runtime) {
  return std::make_unique<HostLibraries>(runtime);
}

}  // namespace streamdiffusion::backend::cuda::test

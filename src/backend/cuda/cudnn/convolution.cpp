#include "backend/cuda/cudnn/convolution.h"

#include "backend/cuda/cudnn/operations.h"
#include "base/error.h"

namespace streamdiffusion::backend::cuda {
namespace {

constexpr std::int64_t id(ConvolutionOperand operand) {
  return static_cast<std::int64_t>(operand);
}
/// Ids from here on are values between two operations.
constexpr std::int64_t kFirstVirtual = 100;

struct Window {
  std::int64_t stride = 1, pad_begin = 0, pad_end = 0;
};

Descriptor convolution_options(const Window& window) {
  Descriptor options(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
  options.set(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, std::int64_t{2});
  options.set(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, CUDNN_DATA_FLOAT);
  options.set(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE,
              CUDNN_CROSS_CORRELATION);
  options.set(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, {window.pad_begin, window.pad_begin});
  options.set(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, {window.pad_end, window.pad_end});
  options.set(CUDNN_ATTR_CONVOLUTION_DILATIONS, {1, 1});
  options.set(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, {window.stride, window.stride});
  options.finalize();
  return options;
}

Descriptor forward(const graph::Conv2d& op, const Descriptor& x, const Descriptor& weight,
                   const Descriptor& y) {
  Descriptor operation(CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR);
  operation.set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
                convolution_options({op.stride, op.pad_begin, op.pad_end}));
  operation.set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X, x);
  operation.set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W, weight);
  operation.set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y, y);
  operation.set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA, 1.0);
  operation.set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA, 0.0);
  operation.finalize();
  return operation;
}

/// y is the data gradient of a 4x4 convolution with stride 2 whose output gradient is x.
Descriptor transposed(const Descriptor& x, const Descriptor& weight, const Descriptor& y) {
  Descriptor operation(CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR);
  operation.set(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
                convolution_options({.stride = 2, .pad_begin = 1, .pad_end = 1}));
  operation.set(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY, x);
  operation.set(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W, weight);
  operation.set(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX, y);
  operation.set(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA, 1.0);
  operation.set(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA, 0.0);
  operation.finalize();
  return operation;
}

/// Builds the operations one after another; each reads what the one before it wrote.
class GraphBuilder {
 public:
  GraphBuilder(cudnnDataType_t type, const tensor::Shape& y, int operations)
      : type_(type), y_(y), left_(operations), value_(next()) {}

  void convolve(const graph::Conv2d& op, const ConvolutionForm& form, tensor::Shape x) {
    x.c = form.in;
    const Descriptor input = tensor_descriptor(nhwc(type_, x, id(ConvolutionOperand::x)));
    const Descriptor weight =
        tensor_descriptor(nhwc(type_, form.weight_shape(op), id(ConvolutionOperand::weight)));
    operations_.push_back(form.transposed ? transposed(input, weight, value_)
                                          : forward(op, input, weight, value_));
  }
  void add(ConvolutionOperand operand, const tensor::Shape& shape) {
    const Descriptor term = tensor_descriptor(nhwc(type_, shape, id(operand)));
    then(CUDNN_POINTWISE_ADD, &term);
  }
  void relu() { then(CUDNN_POINTWISE_RELU_FWD, nullptr); }
  const std::vector<Descriptor>& operations() const { return operations_; }

 private:
  void then(cudnnPointwiseMode_t mode, const Descriptor* term) {
    Descriptor output = next();
    operations_.push_back(pointwise(mode, value_, term, output));
    value_ = std::move(output);
  }
  /// What the next operation writes: y, if it is the last.
  Descriptor next() {
    if (--left_ == 0) return tensor_descriptor(nhwc(type_, y_, id(ConvolutionOperand::y)));
    TensorLayout layout = nhwc(CUDNN_DATA_FLOAT, y_, kFirstVirtual + left_);
    layout.is_virtual = true;
    return tensor_descriptor(layout);
  }

  const cudnnDataType_t type_;
  const tensor::Shape y_;
  int left_;
  Descriptor value_;
  std::vector<Descriptor> operations_;
};

}  // namespace

std::vector<Plan> plan_convolutions(const Card& card, const graph::Conv2d& op,
                                    const tensor::Shape& x, const tensor::Shape& y,
                                    tensor::DType dtype, std::size_t most) {
  const ConvolutionForm form = convolution_form(op, dtype);
  GraphBuilder builder(cudnn_type(dtype), y, 1 + form.bias + form.residual + form.relu);
  builder.convolve(op, form, x);
  if (form.residual) builder.add(ConvolutionOperand::residual, y);
  if (form.bias) builder.add(ConvolutionOperand::bias, {1, 1, 1, op.out});
  if (form.relu) builder.relu();
  const std::string what =
      base::concat("a ", op.kernel, "x", op.kernel, " convolution from ", op.in, " to ", op.out,
                   " channels of ", tensor::to_string(x), " in ", tensor::to_string(dtype));
  return make_plans(card, builder.operations(), {.tensor_cores = dtype != tensor::DType::f32}, what,
                    most);
}

Plan plan_convolution(const Card& card, const graph::Conv2d& op, const tensor::Shape& x,
                      const tensor::Shape& y, tensor::DType dtype) {
  return std::move(plan_convolutions(card, op, x, y, dtype, 1).front());
}

}  // namespace streamdiffusion::backend::cuda

// Ops that map each element on its own.
#include "backend/ref/dense.h"
#include "backend/ref/ops.h"

namespace streamdiffusion::backend::ref {
namespace {

template <typename Map>
void map(const Call& call, const Map& function) {
  const std::int64_t elements = call.output.shape.elements();
  for (std::int64_t i = 0; i < elements; ++i) call.output.data[i] = static_cast<float>(function(i));
}

}  // namespace

void run(const graph::Add&, const Call& call) {
  map(call,
      [a = call.inputs[0].data, b = call.inputs[1].data](std::int64_t i) { return a[i] + b[i]; });
}

void run(const graph::AddScaled& op, const Call& call) {
  map(call, [&op, &inputs = call.inputs, a_row = call.output.shape.row_elements()](std::int64_t i) {
    const double scale = inputs[2].row(i / a_row)[op.column];
    return inputs[0].data[i] + scale * inputs[1].data[i];
  });
}

void run(const graph::Act& op, const Call& call) {
  map(call, [&op, x = call.inputs[0].data](std::int64_t i) { return activate(op.act, x[i]); });
}

void run(const graph::Convert& op, const Call& call) {
  map(call, [&op, x = call.inputs[0].data](std::int64_t i) {
    return double{op.scale} * x[i] + double{op.shift};
  });
}

}  // namespace streamdiffusion::backend::ref

// Shape rules and operation counts of every op kind.
#include <algorithm>

#include "base/error.h"
#include "graph/op.h"

namespace streamdiffusion::graph {
namespace {

using tensor::Shape;
using Shapes = std::span<const Shape>;

template <typename... Parts>
void check(bool condition, const Parts&... parts) {
  base::require(condition, base::ErrorCode::invalid_argument, parts...);
}

double elements(const Shape& shape) {
  return static_cast<double>(shape.elements());
}

void check_fused(Activation act) {
  check(act != Activation::tanh3,
        "tanh3 is not fused into convolutions or linear layers; record it as an act of its own");
}

void check_residual(int index, Shapes x, const Shape& y) {
  if (index < 0) return;
  const Shape& found = x[static_cast<std::size_t>(index)];
  check(found == y, "residual is ", to_string(found), ", the output ", to_string(y));
}

void check_slots(int slots, const Shape& entries, std::int64_t rows) {
  check(slots > 0 && entries.n == rows && entries.tokens() == 1 &&
            entries.c <= static_cast<std::int64_t>(RowSlots::kMax),
        "slots are ", to_string(entries), " for ", rows, " rows of ", slots, " slots");
}

}  // namespace

Shape Conv2d::infer(Shapes x) const {
  check_fused(act);
  check(x[0].c == in, "input has ", x[0].c, " channels, expected ", in);
  const std::int64_t pad = pad_begin + pad_end, times = upsample2x ? 2 : 1;
  const Shape y{x[0].n, (x[0].h * times + pad - kernel) / stride + 1,
                (x[0].w * times + pad - kernel) / stride + 1, out};
  check(!upsample2x || (kernel == 3 && stride == 1 && pad_begin == 1 && pad_end == 1 && !row_bias &&
                        !residual),
        "upsample2x needs a 3 x 3 kernel and padding 1, without stride, row bias or residual");
  check(x[0].h + pad >= kernel && x[0].w + pad >= kernel, "input ", to_string(x[0]),
        " is smaller than the kernel");
  check(!(bias && row_bias),
        "has a bias beside a row bias; add it to the layer that makes the row bias");
  if (row_bias) check(x[1] == Shape{x[0].n, 1, 1, out}, "row bias is ", to_string(x[1]));
  check_residual(residual_input(), x, y);
  return y;
}

double Conv2d::flops(Shapes, const Shape& y) const {
  const int taps = upsample2x ? 4 : kernel * kernel;
  return 2.0 * elements(y) * static_cast<double>(in) * taps;
}

Shape Linear::infer(Shapes x) const {
  check_fused(act);
  check(x[0].c == in, "input has ", x[0].c, " channels, expected ", in);
  const Shape y{x[0].n, x[0].h, x[0].w, out};
  check_residual(residual_input(), x, y);
  return y;
}

double Linear::flops(Shapes, const Shape& y) const {
  return 2.0 * elements(y) * static_cast<double>(in);
}

Shape GegluLinear::infer(Shapes x) const {
  check(x[0].c == in, "input has ", x[0].c, " channels, expected ", in);
  return {x[0].n, x[0].h, x[0].w, out};
}

double GegluLinear::flops(Shapes, const Shape& y) const {
  return 4.0 * elements(y) * static_cast<double>(in);
}

Shape GroupNorm::infer(Shapes x) const {
  Shape y = x[0];
  if (x.size() == 2) {
    check(x[1].n == y.n && x[1].h == y.h && x[1].w == y.w, "inputs are ", to_string(x[0]), " and ",
          to_string(x[1]));
    y.c += x[1].c;
  }
  check(groups > 0 && y.c % groups == 0, y.c, " channels do not divide into ", groups, " groups");
  return y;
}

double GroupNorm::flops(Shapes, const Shape& y) const {
  return 8.0 * elements(y);
}

Shape LayerNorm::infer(Shapes x) const {
  return x[0];
}

double LayerNorm::flops(Shapes, const Shape& y) const {
  return 8.0 * elements(y);
}

Shape Attention::infer(Shapes x) const {
  const Shape &q = x[0], &k = x[1];
  check(heads > 0 && q.c % heads == 0, q.c, " channels do not divide into ", heads, " heads");
  check(k.c == q.c && x[2] == k, "q is ", to_string(q), ", k ", to_string(k), ", v ",
        to_string(x[2]));
  check(static_cast<std::int64_t>(kv_rows.size()) == q.n, "kv_rows has ", kv_rows.size(),
        " entries for ", q.n, " rows");
  for (const int row : kv_rows) check(row >= 0 && row < k.n, "kv row ", row, " of ", k.n);
  check(!causal || q.tokens() == k.tokens(), "causal attention needs as many keys as queries");
  if (slots == 0) return q;
  check_slots(slots, x[3], q.n);
  bool own = !causal && q.tokens() == k.tokens();
  for (std::size_t i = 0; i < kv_rows.size(); ++i) own &= kv_rows[i] == static_cast<int>(i);
  check(own, "attention keeps keys and values where each row has its own, as many as queries");
  return q;
}

double Attention::flops(Shapes x, const Shape& y) const {
  const std::int64_t sources = slots > 0 ? x[3].c : 1;
  return 4.0 * elements(y) * static_cast<double>(x[1].tokens() * sources);
}

Shape InjectFeatures::infer(Shapes x) const {
  check(x[0] == x[1], "features are ", to_string(x[0]), ", the residual ", to_string(x[1]));
  check_slots(slots, x[2], x[0].n);
  check(x[3] == Shape{x[0].n, 1, 1, 2}, "settings are ", to_string(x[3]), ", expected ",
        to_string(Shape{x[0].n, 1, 1, 2}));
  return x[0];
}

double InjectFeatures::flops(Shapes x, const Shape& y) const {
  return 2.0 * elements(y) * static_cast<double>(y.tokens() * (x[2].c - 1));
}

Shape Add::infer(Shapes x) const {
  check(x[0] == x[1], "inputs are ", to_string(x[0]), " and ", to_string(x[1]));
  return x[0];
}

double Add::flops(Shapes, const Shape& y) const {
  return elements(y);
}

Shape AddScaled::infer(Shapes x) const {
  const Shape& scales = x[2];
  check(x[0] == x[1], "inputs are ", to_string(x[0]), " and ", to_string(x[1]));
  check(scales.n == x[0].n && scales.tokens() == 1 && column >= 0 && column < scales.c,
        "scales are ", to_string(scales), " for column ", column, " of ", x[0].n, " rows");
  return x[0];
}

double AddScaled::flops(Shapes, const Shape& y) const {
  return 2.0 * elements(y);
}

Shape Act::infer(Shapes x) const {
  return x[0];
}

double Act::flops(Shapes, const Shape& y) const {
  return 4.0 * elements(y);
}

Shape Convert::infer(Shapes x) const {
  return x[0];
}

double Convert::flops(Shapes, const Shape& y) const {
  return 2.0 * elements(y);
}

Shape UpsampleNearest::infer(Shapes x) const {
  check(h >= x[0].h && w >= x[0].w, "cannot upsample ", to_string(x[0]), " to ", h, " x ", w);
  return {x[0].n, h, w, x[0].c};
}

double UpsampleNearest::flops(Shapes, const Shape&) const {
  return 0;
}

Shape ConcatChannels::infer(Shapes x) const {
  check(x[0].n == x[1].n && x[0].h == x[1].h && x[0].w == x[1].w, "inputs are ", to_string(x[0]),
        " and ", to_string(x[1]));
  return {x[0].n, x[0].h, x[0].w, x[0].c + x[1].c};
}

double ConcatChannels::flops(Shapes, const Shape&) const {
  return 0;
}

Shape ConcatTokens::infer(Shapes x) const {
  check(x[0].n == x[1].n && x[0].c == x[1].c, "inputs are ", to_string(x[0]), " and ",
        to_string(x[1]));
  return {x[0].n, x[0].tokens() + x[1].tokens(), 1, x[0].c};
}

double ConcatTokens::flops(Shapes, const Shape&) const {
  return 0;
}

Shape SliceChannels::infer(Shapes x) const {
  check(first >= 0 && count > 0 && first + count <= x[0].c, "channels ", first, "..",
        first + count - 1, " of ", x[0].c);
  return {x[0].n, x[0].h, x[0].w, count};
}

double SliceChannels::flops(Shapes, const Shape&) const {
  return 0;
}

Shape Embedding::infer(Shapes x) const {
  check(x[0].c == 1 && x[0].tokens() <= positions, "ids are ", to_string(x[0]), ", the table has ",
        positions, " positions");
  return {x[0].n, x[0].h, x[0].w, width};
}

double Embedding::flops(Shapes, const Shape& y) const {
  return elements(y);
}

Shape TimestepEmbedding::infer(Shapes x) const {
  check(x[0].row_elements() == 1, "timesteps are ", to_string(x[0]), ", expected one a row");
  return {x[0].n, 1, 1, width};
}

double TimestepEmbedding::flops(Shapes, const Shape& y) const {
  return 4.0 * elements(y);
}

}  // namespace streamdiffusion::graph

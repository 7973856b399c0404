#include "backend/cpu/conv/tiles.h"

#include <algorithm>

#include "backend/cpu/onednn/weight_packing.h"

namespace streamdiffusion::backend::cpu {
namespace {

using graph::Conv2d;

/// Where the input lines of some output lines begin, how many there are, and how many zero lines
/// surround them.
struct InputLines {
  std::int64_t first = 0, count = 0;
  std::int64_t pad_top = 0, pad_bottom = 0;
};

InputLines input_lines(const Conv2d& op, std::int64_t height, const Segment& out) {
  const std::int64_t begin = out.begin * op.stride - op.pad_begin;
  const std::int64_t end = (out.end - 1) * op.stride - op.pad_begin + op.kernel;
  InputLines lines;
  lines.first = std::max<std::int64_t>(begin, 0);
  lines.count = std::min(end, height) - lines.first;
  lines.pad_top = lines.first - begin;
  lines.pad_bottom = std::max<std::int64_t>(end - height, 0);
  return lines;
}

ConvolutionShape shape_of(const Conv2d& op, const KernelContext& context, const InputLines& lines,
                          std::int64_t out_lines) {
  const std::int64_t width = context.output().shape.w, in_width = context.input(0).shape.w;
  return {.in = op.in,
          .out = op.out,
          .in_lines = lines.count,
          .in_width = in_width,
          .out_lines = out_lines,
          .out_width = width,
          .kernel = op.kernel,
          .stride = op.stride,
          .pad_top = lines.pad_top,
          .pad_left = op.pad_begin,
          .pad_bottom = lines.pad_bottom,
          .pad_right = std::max<std::int64_t>(
              (width - 1) * op.stride + op.kernel - op.pad_begin - in_width, 0),
          .from = context.input(0).dtype,
          .to = context.output().dtype,
          .bias = op.bias || op.row_bias};
}

}  // namespace

std::int64_t lines_of_tile(std::size_t weight_bytes, std::size_t line_bytes) {
  constexpr std::size_t kCacheBytes = std::size_t{256} << 10;
  return static_cast<std::int64_t>(
      std::max<std::size_t>(std::max(weight_bytes, kCacheBytes) / line_bytes, 1));
}

ConvTiles::ConvTiles(const Conv2d& op, const KernelContext& context,
                     const std::optional<std::int64_t>& max_lines, const CallsOfShape& calls) {
  const tensor::Shape& shape = context.output().shape;
  CallsOfTile calls_of_tile;
  if (calls) {
    calls_of_tile = [&](const Segment& out) {
      return calls(shape_of(op, context, input_lines(op, context.input(0).shape.h, out),
                            out.end - out.begin));
    };
  }
  const Lines lines{shape.n, shape.h, max_lines.value_or(shape.h)};
  for (const std::vector<Segment>& of_worker : cut_lines(lines, context, calls_of_tile)) {
    tiles_.emplace_back();
    for (const Segment& out : of_worker) tiles_.back().push_back(make_tile(op, context, out));
  }
}

ConvTile ConvTiles::make_tile(const Conv2d& op, const KernelContext& context, const Segment& out) {
  const tensor::Desc &x = context.input(0), &y = context.output();
  const InputLines lines = input_lines(op, x.shape.h, out);
  const std::size_t x_line = x.row_bytes() / static_cast<std::size_t>(x.shape.h);
  const std::size_t y_line = y.row_bytes() / static_cast<std::size_t>(y.shape.h);
  const auto row = static_cast<std::size_t>(out.row);
  return {.out = out,
          .shape = index_of(shape_of(op, context, lines, out.end - out.begin)),
          .x_offset = row * x.row_bytes() + static_cast<std::size_t>(lines.first) * x_line,
          .x_elements = static_cast<std::size_t>(lines.count * x.shape.w * op.in),
          .y_offset = row * y.row_bytes() + static_cast<std::size_t>(out.begin) * y_line,
          .y_bytes = static_cast<std::size_t>(out.end - out.begin) * y_line};
}

std::size_t ConvTiles::index_of(const ConvolutionShape& shape) {
  const auto found = std::ranges::find(shapes_, shape);
  const auto index = static_cast<std::size_t>(found - shapes_.begin());
  if (index == shapes_.size()) shapes_.push_back(shape);
  return index;
}

TiledConv2d::TiledConv2d(const Conv2d& op, const KernelContext& context,
                         const std::optional<std::int64_t>& max_lines, const CallsOfShape& calls)
    : op_(op),
      x_(context.op.inputs[0]),
      y_(context.op.output),
      dtype_(context.input(0).dtype),
      tiles_(op, context, max_lines, calls) {
  if (op.row_bias) row_bias_ = context.op.inputs[static_cast<std::size_t>(op.row_bias_input())];
  if (op.residual && !context.plan.in_place(context.op, op.residual_input()))
    copied_residual_ = context.op.inputs[static_cast<std::size_t>(op.residual_input())];
  if (op.bias) bias_ = plain_weight(context, 1);
}

void TiledConv2d::run(int, const Worker& worker) const {
  for (const ConvTile& tile : tiles_.of_worker(worker.index)) {
    std::byte* y = worker.value<std::byte>(y_) + tile.y_offset;
    const std::byte* residual =
        copied_residual_ ? worker.value<std::byte>(copied_residual_) + tile.y_offset : y;
    run_tile(worker, tile, worker.value<std::byte>(x_) + tile.x_offset, residual, y);
  }
}

void TiledConv2d::reserve_scratch(const Primitive& primitive) {
  library_scratch_ = std::max(library_scratch_, aligned(primitive.scratch_bytes()));
}

}  // namespace streamdiffusion::backend::cpu

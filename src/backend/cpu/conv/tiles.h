// Output lines of a convolution dealt out to the workers in tiles: what the direct, blocked and
// split-K forms share. A tile is made by one oneDNN call, single threaded, or by one for each slice
// of the input channels.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "backend/cpu/conv/cut_lines.h"
#include "backend/cpu/kernel.h"
#include "backend/cpu/onednn/convolution.h"
#include "backend/cpu/share.h"
#include "backend/cpu/weight_cache.h"

namespace streamdiffusion::backend::cpu {

/// How many lines of `line_bytes` in scratch memory make a tile that is still in the core's own
/// cache when it is read again. A tile whose weights are larger must not be small: every tile reads
/// all weights.
std::int64_t lines_of_tile(std::size_t weight_bytes, std::size_t line_bytes);

/// Some output lines of one image, and the input lines that they read.
struct ConvTile {
  Segment out;
  /// Index into ConvTiles::shapes().
  std::size_t shape = 0;
  /// Bytes from the tensor's first; elements of the input, bytes of the output.
  std::size_t x_offset = 0, x_elements = 0, y_offset = 0, y_bytes = 0;
};

/// The calls that make a tile of a shape; none where their order of sums is known not to matter
/// (cut_lines.h).
using CallsOfShape = std::function<std::vector<ConvolutionCall>(const ConvolutionShape& shape)>;

class ConvTiles {
 public:
  /// Tiles of at most `max_lines` output lines; whole segments (share.h) without it.
  ConvTiles(const graph::Conv2d& op, const KernelContext& context,
            const std::optional<std::int64_t>& max_lines, const CallsOfShape& calls);

  const std::vector<ConvTile>& of_worker(int worker) const {
    return tiles_[static_cast<std::size_t>(worker)];
  }
  /// The different shapes that tiles have: those at an image's edges are padded, the last may be
  /// smaller. Each needs a primitive of its own.
  const std::vector<ConvolutionShape>& shapes() const { return shapes_; }
  /// The largest bytes(tile).
  template <typename Bytes>
  std::size_t max_over(const Bytes& bytes) const {
    std::size_t most = 0;
    for (const auto& tiles : tiles_)
      for (const ConvTile& tile : tiles) most = std::max(most, bytes(tile));
    return most;
  }

 private:
  ConvTile make_tile(const graph::Conv2d& op, const KernelContext& context, const Segment& out);
  /// Its index, added if it is new.
  std::size_t index_of(const ConvolutionShape& shape);

  /// By worker.
  std::vector<std::vector<ConvTile>> tiles_;
  std::vector<ConvolutionShape> shapes_;
};

/// A convolution kernel that makes tile after tile.
class TiledConv2d : public Kernel {
 public:
  void run(int stage, const Worker& worker) const final;

 protected:
  TiledConv2d(const graph::Conv2d& op, const KernelContext& context,
              const std::optional<std::int64_t>& max_lines, const CallsOfShape& calls);

  /// `x` and `y` are the tile's; `residual` is laid out like y, and is y itself where the op writes
  /// over its residual or has none.
  virtual void run_tile(const Worker& worker, const ConvTile& tile, const std::byte* x,
                        const std::byte* residual, std::byte* y) const = 0;

  /// Of the tile's image; f32 [out].
  const float* row_bias(const Worker& worker, const ConvTile& tile) const {
    return worker.value<float>(row_bias_) + tile.out.row * op_.out;
  }
  /// Adds the primitive's scratch to the memory that is kept free for oneDNN.
  void reserve_scratch(const Primitive& primitive);

  graph::Conv2d op_;
  graph::Value x_, y_, row_bias_, copied_residual_;
  tensor::DType dtype_;
  ConvTiles tiles_;
  std::size_t library_scratch_ = 0;
  /// f32 [out], or null.
  PackedWeight bias_;
};

}  // namespace streamdiffusion::backend::cpu

// Winograd convolution (winograd.h) in batches of tiles and three steps: transform the input tiles,
// multiply in every position, transform the output tiles. Where the weights fit a core's own cache,
// each worker has batches of its own. Where they do not, all workers share each batch and wait for
// each other after each step: so a worker reads the weights of its own positions only.
#include "backend/cpu/conv/winograd.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>

#include "backend/cpu/conv/forms.h"
#include "backend/cpu/onednn/matmul.h"
#include "backend/cpu/onednn/staging.h"
#include "backend/cpu/onednn/weight_packing.h"
#include "backend/cpu/probe/bf16_rate.h"
#include "backend/cpu/share.h"
#include "backend/cpu/simd/simd.h"

namespace streamdiffusion::backend::cpu {
namespace {

using graph::Conv2d;
using tensor::DType;

/// Rows of a matmul. Fewer than 64 are slower: the weights are read for too few of them.
constexpr std::int64_t kMaxTilesPerMatmul = 128;
constexpr std::int64_t kFloat = sizeof(float);

constexpr std::int64_t kMaxPositions = WinogradSize{4}.positions();

std::int64_t tiles_along(std::int64_t pixels, const WinogradSize& size) {
  return (pixels + size.tile - 1) / size.tile;
}

std::int64_t weight_bytes(const Conv2d& op, const WinogradSize& size) {
  return size.positions() * op.in * op.out * kFloat;
}

/// The transformed weight, [positions, in, out].
WeightValues transformed_values(const WinogradSize& size, const KernelContext& context) {
  const WeightValues stored = stored_values(context, 0);
  return {stored.key + "\nwinograd " + std::to_string(size.tile), stored.rows,
          [stored, size, &context, &weight = context.weight(0)] {
            const auto count = size.positions() * weight.dims[0] * weight.dims[1];
            const auto values = context.staging.transformed(static_cast<std::size_t>(count));
            winograd_weight(size, stored.read(), weight.dims[0], weight.dims[1], values);
            return values;
          }};
}

class WinogradConv2d final : public Kernel {
 public:
  WinogradConv2d(const Conv2d& op, const WinogradSize& size, const KernelContext& context)
      : op_(op),
        size_(size),
        x_(context.op.inputs[0]),
        y_(context.op.output),
        dtype_(context.output().dtype),
        shape_(context.output().shape),
        down_(tiles_along(shape_.h, size)),
        across_(tiles_along(shape_.w, size)),
        workers_(context.workers),
        zeros_(static_cast<std::size_t>(op.in) * tensor::size_of(dtype_)) {
    if (op.row_bias) row_bias_ = context.op.inputs[static_cast<std::size_t>(op.row_bias_input())];
    if (op.bias) bias_ = plain_weight(context, 1);
    if (op.residual) {
      const int input = op.residual_input();
      residual_ = context.plan.in_place(context.op, input)
                      ? y_
                      : context.op.inputs[static_cast<std::size_t>(input)];
    }
    choose_batch();
    Tokens tiles = tokens_of(shape_.n, down_ * across_, matmul(kMaxTilesPerMatmul), context);
    if (shared_) tiles.cuts = 1;
    const int owners = shared_ ? 1 : workers_;
    for (int w = 0; w < owners; ++w) {
      std::vector<Share>& mine = batches_.emplace_back();
      for (const Share& part : tiles.parts(w, owners, tiles.a_row)) add_batches(part, mine);
      add_matmuls(mine);
    }
    weight_ =
        pack_weight(context.cache, transformed_values(size_, context), matrices(), *weight_layout_);
    for (const auto& [count, primitive] : matmuls_)
      library_scratch_ = std::max(library_scratch_, aligned(primitive.scratch_bytes()));
  }

  int stages() const override { return shared_ ? 3 * static_cast<int>(batches_[0].size()) : 1; }

  void run(int stage, const Worker& worker) const override {
    if (shared_) return run_shared(stage, worker);
    const TileBuffers buffers = buffers_at(worker.scratch + library_scratch_);
    for (const Share& batch : batches_[static_cast<std::size_t>(worker.index)]) {
      transform_input(worker, buffers, batch, {0, batch.size()});
      multiply(worker, buffers, batch, {0, items(batch)});
      transform_output(worker, buffers, batch, {0, batch.size()});
    }
  }

  std::string implementation() const override {
    return std::string(size_.tile == 4 ? kWinograd4x4.name : kWinograd2x2.name) + " + " +
           matmuls_.begin()->second.implementation();
  }
  std::size_t scratch_bytes() const override {
    return library_scratch_ + (shared_ ? 0 : buffer_bytes());
  }
  std::size_t shared_bytes() const override { return shared_ ? buffer_bytes() : 0; }

 private:
  /// A batch after the input transform and after the matmuls: [positions, tiles, channels] each.
  struct TileBuffers {
    float *input_tiles, *output_tiles;
  };

  /// A batch, before and after its matmuls, is to stay in cache: a worker's own batch in 1 MiB of
  /// its core's cache, a shared batch in 4 MiB of the cache that the cores share.
  void choose_batch() {
    constexpr std::int64_t kOwnCacheBytes = 1 << 20, kSharedCacheBytes = 4 << 20, kPadding = 16;
    shared_ = weight_bytes(op_, size_) > kOwnCacheBytes;
    const std::int64_t tile_bytes = size_.positions() * (op_.in + op_.out) * kFloat;
    max_batch_ = shared_ ? std::max(kSharedCacheBytes / tile_bytes, kMaxTilesPerMatmul)
                         : std::clamp(kOwnCacheBytes / tile_bytes, kMaxTilesPerMatmul / 2,
                                      kMaxTilesPerMatmul);
    // The padding keeps a position from being a whole number of pages: all positions of a tile
    // would then map to the same set of the cache.
    input_stride_ = max_batch_ * op_.in + kPadding;
    output_stride_ = max_batch_ * op_.out + kPadding;
  }

  void add_batches(const Share& part, std::vector<Share>& to) const {
    const auto count = static_cast<int>((part.size() + max_batch_ - 1) / max_batch_);
    for (int i = 0; i < count; ++i) {
      const Share batch = share(part.size(), i, count);
      to.push_back({part.begin + batch.begin, part.begin + batch.end});
    }
  }

  static std::int64_t matmuls_in(const Share& batch) {
    return (batch.size() + kMaxTilesPerMatmul - 1) / kMaxTilesPerMatmul;
  }
  std::int64_t items(const Share& batch) const { return size_.positions() * matmuls_in(batch); }
  static Share tiles_of_matmul(const Share& batch, std::int64_t index) {
    return share(batch.size(), static_cast<int>(index), static_cast<int>(matmuls_in(batch)));
  }

  void add_matmuls(const std::vector<Share>& batches) {
    for (const Share& batch : batches) {
      for (std::int64_t i = 0; i < matmuls_in(batch); ++i)
        add_matmul(tiles_of_matmul(batch, i).size());
    }
  }

  dnnl::matmul::primitive_desc matmul(std::int64_t tiles) const {
    return matmul_desc({tiles, op_.in, op_.out, DType::f32, DType::f32},
                       epilogue(false, graph::Activation::none), weight_layout_);
  }

  void add_matmul(std::int64_t tiles) {
    if (matmuls_.contains(tiles)) return;
    const auto desc = matmul(tiles);
    weight_layout_ = desc.weights_desc();
    matmuls_.emplace(tiles, make_matmul(desc, nullptr, nullptr, workers_));
  }

  /// The matrices [in, out] of all positions.
  WeightSlices matrices() const {
    return {
        .slice = {{op_.in, op_.out}, dnnl::memory::data_type::f32, dnnl::memory::format_tag::ab},
        .count = static_cast<std::size_t>(size_.positions()),
        .step = static_cast<std::size_t>(op_.in * op_.out)};
  }

  std::size_t buffer_bytes() const {
    return aligned(static_cast<std::size_t>(size_.positions() * (input_stride_ + output_stride_)) *
                   sizeof(float));
  }
  TileBuffers buffers_at(std::byte* bytes) const {
    auto* input_tiles = reinterpret_cast<float*>(bytes);
    return {input_tiles, input_tiles + size_.positions() * input_stride_};
  }

  void run_shared(int stage, const Worker& worker) const {
    const Share& batch = batches_[0][static_cast<std::size_t>(stage / 3)];
    const TileBuffers buffers = buffers_at(worker.shared);
    const auto mine = [&](std::int64_t total) { return share(total, worker.index, workers_); };
    if (stage % 3 == 0) return transform_input(worker, buffers, batch, mine(batch.size()));
    if (stage % 3 == 1) return multiply(worker, buffers, batch, mine(items(batch)));
    transform_output(worker, buffers, batch, mine(batch.size()));
  }

  std::size_t tile_side() const { return static_cast<std::size_t>(size_.tile); }

  /// Where a tile lies in the image.
  struct Corner {
    std::int64_t row, line, column;
  };
  Corner corner(std::int64_t tile) const {
    return {tile / (down_ * across_), tile / across_ % down_ * size_.tile,
            tile % across_ * size_.tile};
  }
  std::int64_t pixel(std::int64_t row, std::int64_t line, std::int64_t column) const {
    return (row * shape_.h + line) * shape_.w + column;
  }
  /// The input's pixel under this one of the image, which an upsampled op sees at twice the size.
  std::int64_t source(std::int64_t row, std::int64_t line, std::int64_t column) const {
    if (!op_.upsample2x) return pixel(row, line, column);
    return (row * shape_.h / 2 + line / 2) * (shape_.w / 2) + column / 2;
  }

  /// The given tiles of the batch; transform_output() likewise.
  void transform_input(const Worker& worker, const TileBuffers& buffers, const Share& batch,
                       const Share& tiles) const {
    const auto* x = worker.value<std::byte>(x_);
    const auto pixel_bytes = op_.in * static_cast<std::int64_t>(tensor::size_of(dtype_));
    std::array<const void*, kMaxPositions> pixels;
    for (std::int64_t i = tiles.begin; i < tiles.end; ++i) {
      const Corner at = corner(batch.begin + i);
      for (std::int64_t position = 0; position < size_.positions(); ++position) {
        const std::int64_t line = at.line - 1 + position / size_.input_tile(),
                           column = at.column - 1 + position % size_.input_tile();
        const bool outside = line < 0 || line >= shape_.h || column < 0 || column >= shape_.w;
        pixels[static_cast<std::size_t>(position)] =
            outside ? zeros_.data() : x + source(at.row, line, column) * pixel_bytes;
      }
      simd::winograd_input_transform(
          dtype_, tile_side(), pixels.data(), static_cast<std::size_t>(op_.in),
          buffers.input_tiles + i * op_.in, static_cast<std::size_t>(input_stride_));
    }
  }

  /// An item is one matmul: one position of some tiles.
  void multiply(const Worker& worker, const TileBuffers& buffers, const Share& batch,
                const Share& items) const {
    const auto position_bytes = static_cast<std::int64_t>(weight_layout_->get_size());
    for (std::int64_t item = items.begin; item < items.end; ++item) {
      const std::int64_t position = item / matmuls_in(batch);
      const Share tiles = tiles_of_matmul(batch, item % matmuls_in(batch));
      matmuls_.at(tiles.size())
          .run(worker, {buffers.input_tiles + position * input_stride_ + tiles.begin * op_.in,
                        weight_->data() + position * position_bytes,
                        buffers.output_tiles + position * output_stride_ + tiles.begin * op_.out});
    }
  }

  void transform_output(const Worker& worker, const TileBuffers& buffers, const Share& batch,
                        const Share& tiles) const {
    for (std::int64_t i = tiles.begin; i < tiles.end; ++i) {
      const simd::WinogradOutputTile tile = output_tile(worker, corner(batch.begin + i));
      simd::winograd_output_transform(dtype_, tile_side(), buffers.output_tiles + i * op_.out,
                                      static_cast<std::size_t>(output_stride_), tile);
      if (op_.act == graph::Activation::none) continue;
      for (std::size_t line = 0; line < tile.lines; ++line) {
        auto* y = static_cast<std::byte*>(tile.y) + line * tile.line * tensor::size_of(dtype_);
        simd::activate(dtype_, y, y, tile.columns * tile.channels, op_.act);
      }
    }
  }

  simd::WinogradOutputTile output_tile(const Worker& worker, const Corner& at) const {
    const std::int64_t offset = pixel(at.row, at.line, at.column) * op_.out *
                                static_cast<std::int64_t>(tensor::size_of(dtype_));
    simd::WinogradOutputTile tile{
        .y = worker.value<std::byte>(y_) + offset,
        .line = static_cast<std::size_t>(shape_.w * op_.out),
        .lines = static_cast<std::size_t>(std::min(size_.tile, shape_.h - at.line)),
        .columns = static_cast<std::size_t>(std::min(size_.tile, shape_.w - at.column)),
        .channels = static_cast<std::size_t>(op_.out)};
    if (bias_) tile.bias = reinterpret_cast<const float*>(bias_->data());
    if (row_bias_) tile.bias = worker.value<float>(row_bias_) + at.row * op_.out;
    if (residual_) tile.residual = worker.value<std::byte>(residual_) + offset;
    return tile;
  }

  Conv2d op_;
  WinogradSize size_;
  graph::Value x_, y_, row_bias_, residual_;
  DType dtype_;
  /// Of the output.
  tensor::Shape shape_;
  /// Tiles along an image's height and width.
  std::int64_t down_, across_;
  int workers_;
  /// Whether all workers work on the same batch.
  bool shared_ = false;
  /// Tiles of a batch.
  std::int64_t max_batch_ = 0;
  /// Elements from one position to the next.
  std::int64_t input_stride_ = 0, output_stride_ = 0;
  /// By worker, or those of all.
  std::vector<std::vector<Share>> batches_;
  std::size_t library_scratch_ = 0;
  /// A pixel outside the image.
  std::vector<std::byte> zeros_;
  PackedWeight weight_, bias_;
  /// Of one position's matrix.
  std::optional<dnnl::memory::desc> weight_layout_;
  /// By number of tiles.
  std::map<std::int64_t, Primitive> matmuls_;
};

/// Whether F(tile x tile, 3x3) computes an op. bf16 is taken only where its matmuls are no faster
/// than those of f32, which Winograd's are.
bool computes(const Conv2d& op, const KernelContext& context) {
  constexpr std::int64_t kMultiple = 16;
  return op.kernel == 3 && op.stride == 1 && op.pad_begin == 1 && op.pad_end == 1 &&
         op.in % kMultiple == 0 && op.out % kMultiple == 0 && !context.op.input_range &&
         !(context.output().dtype == DType::bf16 && bf16_is_faster());
}

/// Whether it is worth it: the weights are f32 and 4 (F(4x4)) or 1.8 times (F(2x2)) as many as the
/// stored ones, so that an image needs enough tiles, and the transforms enough channels.
bool is_worth_it(const Conv2d& op, const KernelContext& context, const WinogradSize& size,
                 std::int64_t min_channels) {
  constexpr std::int64_t kMinTiles = 64, kMaxWeightBytes = 240 << 20;
  const tensor::Shape& shape = context.output().shape;
  return std::min(op.in, op.out) >= min_channels && weight_bytes(op, size) <= kMaxWeightBytes &&
         tiles_along(shape.h, size) * tiles_along(shape.w, size) >= kMinTiles;
}

/// An upsampled image has the alternative of four instead of nine taps, so that fewer ops gain.
bool applies_4x4(const Conv2d& op, const KernelContext& context) {
  return computes(op, context) && is_worth_it(op, context, {4}, op.upsample2x ? 128 : 32);
}

bool applies_2x2(const Conv2d& op, const KernelContext& context) {
  return computes(op, context) && !op.upsample2x && is_worth_it(op, context, {2}, 96);
}

std::unique_ptr<Kernel> make_4x4(const Conv2d& op, const KernelContext& context) {
  return std::make_unique<WinogradConv2d>(op, WinogradSize{4}, context);
}

std::unique_ptr<Kernel> make_2x2(const Conv2d& op, const KernelContext& context) {
  return std::make_unique<WinogradConv2d>(op, WinogradSize{2}, context);
}

}  // namespace

const ConvForm kWinograd4x4{"winograd_4x4", applies_4x4, make_4x4, 36.0 / 9};
const ConvForm kWinograd2x2{"winograd_2x2", applies_2x2, make_2x2, 16.0 / 9};

}  // namespace streamdiffusion::backend::cpu

// Convolutions by Winograd's algorithm, a batch of tiles at a time: their patches are read,
// multiplied in every place, and written. Where the weights stay in a core's cache, each worker has
// batches of its own; where they do not, all workers share a batch and meet after each of the
// three, so that each of them reads the weights of its places alone.
#include "backend/cpu/conv/winograd.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>

#include "backend/cpu/onednn/matmul.h"
#include "backend/cpu/probe/bf16_rate.h"
#include "backend/cpu/share.h"
#include "backend/cpu/simd/simd.h"
#include "backend/cpu/weight_cache.h"

namespace streamdiffusion::backend::cpu {
namespace {

using graph::Conv2d;
using tensor::DType;

/// Tiles; fewer than 64 are slower.
constexpr std::int64_t kMostOfProduct = 128;
constexpr std::int64_t kFloat = sizeof(float);

constexpr std::int64_t kMostPlaces = WinogradForm{4}.places();

std::int64_t tiles_along(std::int64_t pixels, const WinogradForm& form) {
  return (pixels + form.tile - 1) / form.tile;
}

std::int64_t weight_bytes(const Conv2d& op, const WinogradForm& form) {
  return form.places() * op.in * op.out * kFloat;
}

class WinogradConv2dKernel final : public Kernel {
 public:
  WinogradConv2dKernel(const Conv2d& op, const WinogradForm& form, const KernelContext& context)
      : op_(op),
        form_(form),
        x_(context.op.inputs[0]),
        y_(context.op.output),
        dtype_(context.output().dtype),
        shape_(context.output().shape),
        down_(tiles_along(shape_.h, form)),
        across_(tiles_along(shape_.w, form)),
        tiles_(shape_.n * down_ * across_),
        workers_(context.workers),
        zeros_(static_cast<std::size_t>(op.in) * tensor::size_of(dtype_)) {
    if (op.row_bias) row_bias_ = context.op.inputs[static_cast<std::size_t>(op.row_bias_input())];
    if (op.bias) bias_ = context.cache.plain(context.weights, context.weight(1));
    if (op.residual) {
      const int input = op.residual_input();
      residual_ = context.plan.in_place(context.op, input)
                      ? y_
                      : context.op.inputs[static_cast<std::size_t>(input)];
    }
    choose_batch();
    for (int w = 0; w < (shared_ ? 1 : workers_); ++w) {
      batches_.push_back(batches(shared_ ? Share{0, tiles_} : share(tiles_, w, workers_)));
      add_products(batches_.back());
    }
    weight_ = context.cache.winograd(context.weights, context.weight(0), form_, *weight_layout_);
    for (const auto& [tiles, primitive] : products_)
      library_scratch_ = std::max(library_scratch_, aligned(primitive.scratch_bytes()));
  }

  int stages() const override { return shared_ ? 3 * static_cast<int>(batches_[0].size()) : 1; }

  void run(int stage, const Worker& worker) const override {
    if (shared_) return run_shared(stage, worker);
    const Memory memory = memory_at(worker.scratch + library_scratch_);
    for (const Share& batch : batches_[static_cast<std::size_t>(worker.index)]) {
      read(worker, memory, batch, {0, batch.size()});
      multiply(worker, memory, batch, {0, items(batch)});
      write(worker, memory, batch, {0, batch.size()});
    }
  }

  std::string implementation() const override {
    return "winograd + " + products_.begin()->second.implementation();
  }
  std::size_t scratch_bytes() const override {
    return library_scratch_ + (shared_ ? 0 : memory_bytes());
  }
  std::size_t shared_bytes() const override { return shared_ ? memory_bytes() : 0; }

 private:
  /// Patches and products of a batch: [places, tiles, channels] each.
  struct Memory {
    float *read, *made;
  };

  void choose_batch() {
    constexpr std::int64_t kOwnCacheBytes = 1 << 20, kSharedCacheBytes = 4 << 20, kPadding = 16;
    shared_ = weight_bytes(op_, form_) > kOwnCacheBytes;
    const std::int64_t tile_bytes = form_.places() * (op_.in + op_.out) * kFloat;
    most_ = shared_ ? std::max(kSharedCacheBytes / tile_bytes, kMostOfProduct)
                    : std::clamp(kOwnCacheBytes / tile_bytes, kMostOfProduct / 2, kMostOfProduct);
    // a place is not a whole number of pages, or all would fall on the same lines of the cache
    read_place_ = most_ * op_.in + kPadding;
    made_place_ = most_ * op_.out + kPadding;
  }

  std::vector<Share> batches(const Share& all) const {
    const auto count = static_cast<int>((all.size() + most_ - 1) / most_);
    std::vector<Share> result;
    for (int i = 0; i < count; ++i) {
      const Share part = share(all.size(), i, count);
      result.push_back({all.begin + part.begin, all.begin + part.end});
    }
    return result;
  }

  static std::int64_t products(const Share& batch) {
    return (batch.size() + kMostOfProduct - 1) / kMostOfProduct;
  }
  std::int64_t items(const Share& batch) const { return form_.places() * products(batch); }
  static Share product(const Share& batch, std::int64_t index) {
    return share(batch.size(), static_cast<int>(index), static_cast<int>(products(batch)));
  }

  void add_products(const std::vector<Share>& batches) {
    for (const Share& batch : batches) {
      for (std::int64_t i = 0; i < products(batch); ++i) add_product(product(batch, i).size());
    }
  }

  void add_product(std::int64_t tiles) {
    if (products_.contains(tiles)) return;
    const auto desc = matmul_desc({tiles, op_.in, op_.out, DType::f32, DType::f32},
                                  epilogue(false, graph::Activation::none), weight_layout_);
    weight_layout_ = desc.weights_desc();
    products_.emplace(tiles, make_matmul(desc, nullptr, nullptr, workers_));
  }

  std::size_t memory_bytes() const {
    return aligned(static_cast<std::size_t>(form_.places() * (read_place_ + made_place_)) *
                   sizeof(float));
  }
  Memory memory_at(std::byte* bytes) const {
    auto* read = reinterpret_cast<float*>(bytes);
    return {read, read + form_.places() * read_place_};
  }

  void run_shared(int stage, const Worker& worker) const {
    const Share& batch = batches_[0][static_cast<std::size_t>(stage / 3)];
    const Memory memory = memory_at(worker.shared);
    const auto mine = [&](std::int64_t total) { return share(total, worker.index, workers_); };
    if (stage % 3 == 0) return read(worker, memory, batch, mine(batch.size()));
    if (stage % 3 == 1) return multiply(worker, memory, batch, mine(items(batch)));
    write(worker, memory, batch, mine(batch.size()));
  }

  std::size_t side() const { return static_cast<std::size_t>(form_.tile); }

  /// Where a tile lies in the image.
  struct Corner {
    std::int64_t row, line, column;
  };
  Corner corner(std::int64_t tile) const {
    return {tile / (down_ * across_), tile / across_ % down_ * form_.tile,
            tile % across_ * form_.tile};
  }
  std::int64_t pixel(std::int64_t row, std::int64_t line, std::int64_t column) const {
    return (row * shape_.h + line) * shape_.w + column;
  }
  /// The pixel of the input that stands there.
  std::int64_t source(std::int64_t row, std::int64_t line, std::int64_t column) const {
    if (!op_.doubled) return pixel(row, line, column);
    return (row * shape_.h / 2 + line / 2) * (shape_.w / 2) + column / 2;
  }

  /// Tiles `part` of the batch; so below.
  void read(const Worker& worker, const Memory& memory, const Share& batch,
            const Share& part) const {
    const auto* x = worker.value<std::byte>(x_);
    const auto pixel_bytes = op_.in * static_cast<std::int64_t>(tensor::size_of(dtype_));
    std::array<const void*, kMostPlaces> pixels;
    for (std::int64_t i = part.begin; i < part.end; ++i) {
      const Corner at = corner(batch.begin + i);
      for (std::int64_t place = 0; place < form_.places(); ++place) {
        const std::int64_t line = at.line - 1 + place / form_.patch(),
                           column = at.column - 1 + place % form_.patch();
        const bool outside = line < 0 || line >= shape_.h || column < 0 || column >= shape_.w;
        pixels[static_cast<std::size_t>(place)] =
            outside ? zeros_.data() : x + source(at.row, line, column) * pixel_bytes;
      }
      simd::winograd_read(dtype_, side(), pixels.data(), static_cast<std::size_t>(op_.in),
                          memory.read + i * op_.in, static_cast<std::size_t>(read_place_));
    }
  }

  /// An item is a place of a product.
  void multiply(const Worker& worker, const Memory& memory, const Share& batch,
                const Share& part) const {
    const auto place_bytes = static_cast<std::int64_t>(weight_layout_->get_size());
    for (std::int64_t item = part.begin; item < part.end; ++item) {
      const std::int64_t place = item / products(batch);
      const Share tiles = product(batch, item % products(batch));
      products_.at(tiles.size())
          .run(worker, {memory.read + place * read_place_ + tiles.begin * op_.in,
                        weight_->data() + place * place_bytes,
                        memory.made + place * made_place_ + tiles.begin * op_.out});
    }
  }

  void write(const Worker& worker, const Memory& memory, const Share& batch,
             const Share& part) const {
    for (std::int64_t i = part.begin; i < part.end; ++i) {
      const simd::WinogradTile tile = output_tile(worker, corner(batch.begin + i));
      simd::winograd_write(dtype_, side(), memory.made + i * op_.out,
                           static_cast<std::size_t>(made_place_), tile);
      if (op_.act == graph::Activation::none) continue;
      for (std::size_t line = 0; line < tile.lines; ++line) {
        auto* y = static_cast<std::byte*>(tile.y) + line * tile.line * tensor::size_of(dtype_);
        simd::activate(dtype_, y, y, tile.columns * tile.channels, op_.act);
      }
    }
  }

  simd::WinogradTile output_tile(const Worker& worker, const Corner& at) const {
    const std::int64_t offset = pixel(at.row, at.line, at.column) * op_.out *
                                static_cast<std::int64_t>(tensor::size_of(dtype_));
    simd::WinogradTile tile{
        .y = worker.value<std::byte>(y_) + offset,
        .line = static_cast<std::size_t>(shape_.w * op_.out),
        .lines = static_cast<std::size_t>(std::min(form_.tile, shape_.h - at.line)),
        .columns = static_cast<std::size_t>(std::min(form_.tile, shape_.w - at.column)),
        .channels = static_cast<std::size_t>(op_.out)};
    if (bias_) tile.bias = reinterpret_cast<const float*>(bias_->data());
    if (row_bias_) tile.bias = worker.value<float>(row_bias_) + at.row * op_.out;
    if (residual_) tile.residual = worker.value<std::byte>(residual_) + offset;
    return tile;
  }

  Conv2d op_;
  WinogradForm form_;
  graph::Value x_, y_, row_bias_, residual_;
  DType dtype_;
  /// Of the output.
  tensor::Shape shape_;
  /// Tiles of an image by side, and of all.
  std::int64_t down_, across_, tiles_;
  int workers_;
  /// Whether all workers work on the same batch.
  bool shared_ = false;
  /// Tiles of a batch.
  std::int64_t most_ = 0;
  /// Elements from one place to the next.
  std::int64_t read_place_ = 0, made_place_ = 0;
  /// By worker, or those of all.
  std::vector<std::vector<Share>> batches_;
  std::size_t library_scratch_ = 0;
  /// A pixel outside the image.
  std::vector<std::byte> zeros_;
  PackedWeight weight_, bias_;
  /// Of a place.
  std::optional<dnnl::memory::desc> weight_layout_;
  /// By tiles.
  std::map<std::int64_t, Primitive> products_;
};

}  // namespace

std::optional<WinogradForm> winograd_form(const Conv2d& op, const KernelContext& context) {
  constexpr std::int64_t kWhole = 16, kFewestTiles = 64, kMostBytes = 240 << 20;
  if (op.kernel != 3 || op.stride != 1 || op.pad_begin != 1 || op.pad_end != 1) return {};
  if (op.in % kWhole != 0 || op.out % kWhole != 0 || context.op.range) return {};
  // its products are f32
  if (context.output().dtype == DType::bf16 && bf16_is_faster()) return {};
  const std::int64_t channels = std::min(op.in, op.out);
  const tensor::Shape& shape = context.output().shape;
  const auto fits = [&](const WinogradForm& form, std::int64_t least_channels) {
    return channels >= least_channels && weight_bytes(op, form) <= kMostBytes &&
           tiles_along(shape.h, form) * tiles_along(shape.w, form) >= kFewestTiles;
  };
  // of the doubled ones, which do but four of nine taps anyway, fewer gain
  if (const WinogradForm four{4}; fits(four, op.doubled ? 128 : 32)) return four;
  if (const WinogradForm two{2}; !op.doubled && fits(two, 96)) return two;
  return {};
}

std::unique_ptr<Kernel> make_winograd_conv2d(const Conv2d& op, const WinogradForm& form,
                                             const KernelContext& context) {
  return std::make_unique<WinogradConv2dKernel>(op, form, context);
}

}  // namespace streamdiffusion::backend::cpu

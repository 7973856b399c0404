// Features drawn to the most similar ones of earlier calls.
//
// Stage 0 keeps the call's features in their slot: as they are, packed as the right side of a
// matmul, and the inverse of each token's length. Stage 1 takes a tile of tokens at a time through
// the slots of earlier calls: one matmul a block gives the products with all its tokens. Times
// the inverse lengths they are cosine similarities.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>

#include "backend/cpu/onednn/matmul.h"
#include "backend/cpu/share.h"
#include "backend/cpu/simd/simd.h"
#include "base/error.h"

namespace streamdiffusion::backend::cpu {
namespace {

using tensor::DType;

constexpr std::int64_t kMaxTokens = 64, kMaxKeys = 256;

float inverse_length(const float* x, std::int64_t channels) {
  constexpr std::int64_t kLanes = 16;  // independent sums, so that the compiler may vectorize
  std::array<float, kLanes> sums{};
  std::int64_t c = 0;
  for (; c + kLanes <= channels; c += kLanes) {
    for (std::int64_t i = 0; i < kLanes; ++i)
      sums[static_cast<std::size_t>(i)] += x[c + i] * x[c + i];
  }
  float sum = 0;
  for (; c < channels; ++c) sum += x[c] * x[c];
  for (const float part : sums) sum += part;
  return sum > 0 ? 1 / std::sqrt(sum) : 0;
}

class InjectFeaturesKernel final : public Kernel {
 public:
  InjectFeaturesKernel(const graph::InjectFeatures& op, const KernelContext& context)
      : slot_count_(op.slots),
        x_(context.op.inputs[0]),
        residual_(context.op.inputs[1]),
        slots_(context.op.inputs[2]),
        settings_(context.op.inputs[3]),
        y_(context.op.output),
        dtype_(context.output().dtype),
        rows_(context.output().shape.n),
        tokens_(context.output().shape.tokens()),
        channels_(context.output().shape.c),
        slot_entries_(context.input(2).shape.c),
        tile_(std::min(kMaxTokens, tokens_)),
        block_(std::min(kMaxKeys, tokens_)),
        workers_(context.workers) {
    whole_ = make_block(block_);
    if (tokens_ % block_ != 0) last_ = make_block(tokens_ % block_);
  }

  int stages() const override { return 2; }
  void run(int stage, const Worker& worker) const override {
    stage == 0 ? keep(worker) : inject(worker);
  }
  std::string implementation() const override { return whole_.tile.implementation(); }
  std::size_t kept_bytes() const override {
    return static_cast<std::size_t>(rows_ * slot_count_) * slot_bytes();
  }
  std::size_t scratch_bytes() const override { return scratch().end; }

 private:
  /// Tokens of a slot: products of them with a whole tile, and with the last, smaller one.
  struct Block {
    Primitive tile, last_tile, pack;
    std::size_t bytes = 0;
  };
  /// Offsets into a worker's scratch, after oneDNN's own: scores, and three tokens in f32.
  struct Scratch {
    std::size_t scores, feature, other, sum, end;
  };

  Scratch scratch() const {
    const std::size_t token = aligned(static_cast<std::size_t>(channels_) * sizeof(float));
    Scratch s{};
    s.scores = library_scratch_;
    s.feature = s.scores + aligned(static_cast<std::size_t>(tile_ * block_) * sizeof(float));
    s.other = s.feature + token;
    s.sum = s.other + token;
    s.end = s.sum + token;
    return s;
  }

  Block make_block(std::int64_t keys) {
    const auto plain = epilogue(false, graph::Activation::none);
    const auto shape = [&](std::int64_t m) {
      return MatmulShape{m, channels_, keys, dtype_, DType::f32};
    };
    const auto layout = matmul_desc(shape(tile_), plain).weights_desc();
    const auto matmul = [&](std::int64_t m) {
      const auto desc = matmul_desc(shape(m), plain);
      base::require(desc.weights_desc() == layout, base::ErrorCode::internal,
                    "inject_features: the layout of packed tokens depends on their number");
      return make_matmul(desc, nullptr, nullptr, workers_);
    };
    Block block{.tile = matmul(tile_),
                .last_tile = {},
                .pack = make_packing(shape(tile_), 1, channels_, layout, workers_),
                .bytes = aligned(layout.get_size())};
    if (tokens_ % tile_ != 0) block.last_tile = matmul(tokens_ % tile_);
    for (const Primitive* p : {&block.tile, &block.last_tile, &block.pack})
      library_scratch_ = std::max(library_scratch_, aligned(p->scratch_bytes()));
    return block;
  }

  std::int64_t blocks() const { return (tokens_ + block_ - 1) / block_; }
  const Block& block(std::int64_t index) const {
    return tokens_ - index * block_ < block_ ? last_ : whole_;
  }
  std::int64_t keys_of(std::int64_t index) const {
    return std::min(block_, tokens_ - index * block_);
  }
  std::size_t bytes(std::int64_t tokens) const {
    return static_cast<std::size_t>(tokens * channels_) * size_of(dtype_);
  }

  // A slot: the features, their inverse lengths, their packed blocks.
  std::size_t lengths_at() const { return aligned(bytes(tokens_)); }
  std::size_t packed_at(std::int64_t index) const {
    const std::size_t lengths = aligned(static_cast<std::size_t>(tokens_) * sizeof(float));
    return lengths_at() + lengths + static_cast<std::size_t>(index) * whole_.bytes;
  }
  std::size_t slot_bytes() const {
    return packed_at(tokens_ / block_) + (tokens_ % block_ != 0 ? last_.bytes : 0);
  }
  std::byte* slot(const Worker& worker, std::int64_t row, int slot) const {
    return worker.kept + static_cast<std::size_t>(row * slot_count_ + slot) * slot_bytes();
  }
  graph::RowSlots slots_of(const Worker& worker, std::int64_t row) const {
    return {worker.value<std::int32_t>(slots_) + row * slot_entries_, slot_entries_, slot_count_};
  }
  const std::byte* token(const Worker& worker, graph::Value value, std::int64_t row,
                         std::int64_t index) const {
    return worker.value<std::byte>(value) + bytes(row * tokens_ + index);
  }
  /// scale * a token, in f32.
  void load(const std::byte* from, float scale, float* to) const {
    simd::convert(dtype_, from, DType::f32, to, static_cast<std::size_t>(channels_), scale, 0);
  }

  void keep(const Worker& worker) const {
    auto* feature = reinterpret_cast<float*>(worker.scratch + scratch().feature);
    const Share mine = share(rows_ * blocks(), worker.index, workers_);
    for (std::int64_t item = mine.begin; item < mine.end; ++item) {
      const std::int64_t row = item / blocks(), index = item % blocks(), first = index * block_;
      std::byte* kept = slot(worker, row, slots_of(worker, row).own());
      const std::byte* from = token(worker, x_, row, first);
      std::memcpy(kept + bytes(first), from, bytes(keys_of(index)));
      block(index).pack.run(worker, {from, kept + packed_at(index)});
      auto* lengths = reinterpret_cast<float*>(kept + lengths_at()) + first;
      for (std::int64_t i = 0; i < keys_of(index); ++i) {
        load(from + bytes(i), 1, feature);
        lengths[i] = inverse_length(feature, channels_);
      }
    }
  }

  /// Of each token of a tile: the most similar one found so far, and how similar they are, times
  /// the length of the first.
  struct Nearest {
    std::array<float, kMaxTokens> similarity;
    std::array<const std::byte*, kMaxTokens> token;
  };

  void inject(const Worker& worker) const {
    const std::int64_t tiles = (tokens_ + tile_ - 1) / tile_;
    const Share mine = share(rows_ * tiles, worker.index, workers_);
    for (std::int64_t item = mine.begin; item < mine.end; ++item) {
      const std::int64_t row = item / tiles, first = item % tiles * tile_,
                         m = std::min(tile_, tokens_ - first);
      Nearest nearest;
      nearest.similarity.fill(-std::numeric_limits<float>::infinity());
      nearest.token.fill(nullptr);
      const graph::RowSlots slots = slots_of(worker, row);
      for (const int earlier : slots.earlier()) {
        for (std::int64_t index = 0; index < blocks(); ++index)
          search(worker, token(worker, x_, row, first), m, slot(worker, row, earlier), index,
                 nearest);
      }
      for (std::int64_t i = 0; i < m; ++i) {
        const auto at = static_cast<std::size_t>(i);
        write(worker, row, first + i, nearest.token[at], nearest.similarity[at]);
      }
    }
  }

  void search(const Worker& worker, const std::byte* x, std::int64_t m, const std::byte* kept,
              std::int64_t index, Nearest& nearest) const {
    auto* scores = reinterpret_cast<float*>(worker.scratch + scratch().scores);
    const Block& b = block(index);
    (m == tile_ ? b.tile : b.last_tile).run(worker, {x, kept + packed_at(index), scores});
    const std::int64_t first = index * block_, keys = keys_of(index);
    const auto* lengths = reinterpret_cast<const float*>(kept + lengths_at()) + first;
    for (std::int64_t i = 0; i < m; ++i) {
      const auto at = static_cast<std::size_t>(i);
      for (std::int64_t j = 0; j < keys; ++j) {
        const float similarity = scores[i * keys + j] * lengths[j];
        if (similarity <= nearest.similarity[at]) continue;
        nearest.similarity[at] = similarity;
        nearest.token[at] = kept + bytes(first + j);
      }
    }
  }

  void write(const Worker& worker, std::int64_t row, std::int64_t index, const std::byte* nearest,
             float similarity) const {
    const auto channels = static_cast<std::size_t>(channels_);
    const std::byte *x = token(worker, x_, row, index),
                    *residual = token(worker, residual_, row, index);
    std::byte* y = worker.value<std::byte>(y_) + bytes(row * tokens_ + index);
    const float* settings = worker.value<float>(settings_) + 2 * row;
    const Scratch at = scratch();
    auto* feature = reinterpret_cast<float*>(worker.scratch + at.feature);
    if (nearest != nullptr) {
      load(x, 1, feature);
      similarity *= inverse_length(feature, channels_);
    }
    if (nearest == nullptr || !(similarity >= settings[1])) {
      simd::add(dtype_, residual, x, y, channels);
      return;
    }
    auto* other = reinterpret_cast<float*>(worker.scratch + at.other);
    auto* sum = reinterpret_cast<float*>(worker.scratch + at.sum);
    load(x, 1 - settings[0], feature);
    load(nearest, settings[0], other);
    simd::add(DType::f32, feature, other, sum, channels);
    load(residual, 1, other);
    simd::add(DType::f32, other, sum, sum, channels);
    simd::convert(DType::f32, sum, dtype_, y, channels, 1, 0);
  }

  int slot_count_;
  graph::Value x_, residual_, slots_, settings_, y_;
  DType dtype_;
  std::int64_t rows_, tokens_, channels_, slot_entries_, tile_, block_;
  int workers_;
  /// Tokens by the block, and those left over.
  Block whole_, last_;
  std::size_t library_scratch_ = 0;
};

}  // namespace

std::unique_ptr<Kernel> make_kernel(const graph::InjectFeatures& op, const KernelContext& context) {
  return std::make_unique<InjectFeaturesKernel>(op, context);
}

}  // namespace streamdiffusion::backend::cpu

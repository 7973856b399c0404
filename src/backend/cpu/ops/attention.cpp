// Attention with online softmax (Milakov and Gimelshein 2018, arXiv 1805.02867), in tiles of
// queries and blocks of keys as in FlashAttention (Dao et al. 2022, arXiv 2205.14135). The matrix
// of scores is never in memory as a whole: a tile's scores, their softmax and its output stay in
// cache.
//
// Stage 0 packs the keys and values of each head, block by block: given strided heads, oneDNN would
// take its slow path. Stage 1 takes a tile of queries Q through all blocks K_j, V_j. Each row has a
// running maximum m, a running sum l and an output o, at first -inf, 0 and 0. For each block:
//
//   s  = Q K_j^T                     scores, a row each
//   m' = max(m, max(s))
//   p  = exp(c (s - m'))             c = 1 / sqrt(head size)
//   r  = exp(c (m - m'))             rescales what was summed with the old maximum
//   l' = r l + sum(p)
//   o' = r o + p V_j
//
// After the last block the result is o / l, the softmax over all keys times V.
//
// With slots, stage 0 packs the call's keys and values straight into their slot in the stream's
// memory, and stage 1 goes on through the blocks of earlier calls' slots as they lie there: nothing
// that is kept is copied or packed again.
#include <algorithm>
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

/// Of a tile; the size of SoftmaxState.
constexpr std::int64_t kMaxQueries = 256;

class AttentionKernel final : public Kernel {
 public:
  AttentionKernel(const graph::Attention& op, const KernelContext& context)
      : op_(op),
        q_(context.op.inputs[0]),
        k_(context.op.inputs[1]),
        v_(context.op.inputs[2]),
        y_(context.op.output),
        dtype_(context.output().dtype),
        channels_(context.output().shape.c),
        head_size_(channels_ / op.heads),
        rows_(context.output().shape.n),
        queries_(context.output().shape.tokens()),
        keys_(context.input(1).shape.tokens()),
        kv_rows_(context.input(1).shape.n),
        workers_(context.workers) {
    if (op.slots > 0) {
      slots_ = context.op.inputs[3];
      slot_entries_ = context.input(3).shape.c;
    }
    choose_tile(context.team);
    tiles_ = (queries_ + tile_ - 1) / tile_;
    whole_ = make_block(block_);
    if (keys_ % block_ != 0) last_ = make_block(keys_ % block_);
  }

  int stages() const override { return 2; }
  void run(int stage, const Worker& worker) const override {
    stage == 0 ? pack(worker) : attend(worker);
  }

  std::string implementation() const override {
    return whole_.tile.scores.implementation() + " + " + whole_.tile.sums.implementation();
  }
  std::size_t shared_bytes() const override {
    return op_.slots > 0 ? 0 : static_cast<std::size_t>(kv_rows_ * op_.heads) * packed_bytes();
  }
  std::size_t kept_bytes() const override {
    return static_cast<std::size_t>(kv_rows_ * op_.heads * op_.slots) * packed_bytes();
  }
  std::size_t scratch_bytes() const override { return tile_scratch().end; }

 private:
  /// The two matmuls of a block, for one number of queries: Q K^T and P V.
  struct Matmuls {
    Primitive scores, sums;
  };
  /// What a block of one number of keys needs: matmuls for a whole tile of queries and for the
  /// last, smaller one, and how its keys and values are packed.
  struct Block {
    std::int64_t keys = 0;
    Matmuls tile, last_tile;
    Primitive pack_k, pack_v;
    std::size_t k_bytes = 0, v_bytes = 0;
    std::size_t bytes() const { return k_bytes + v_bytes; }
  };

  /// Offsets into a worker's scratch, after oneDNN's own.
  struct TileScratch {
    std::size_t queries, scores, probabilities, sums, end;
  };

  TileScratch tile_scratch() const {
    const auto tile = static_cast<std::size_t>(tile_), size = static_cast<std::size_t>(head_size_);
    const auto keys = static_cast<std::size_t>(block_);
    TileScratch s{};
    s.queries = library_scratch_;
    s.scores = s.queries + aligned(tile * size * size_of(dtype_));
    s.probabilities = s.scores + aligned(tile * keys * sizeof(float));
    s.sums = s.probabilities + aligned(tile * keys * size_of(dtype_));
    s.end = s.sums + aligned(tile * size * sizeof(float));
    return s;
  }

  /// As many keys as allowed, and as many queries as keep the block's scores and probabilities in
  /// part of the second-level cache. A tile reads all keys and values, so that it should not be
  /// small. Where oneDNN packs both operands on each run, neither side may be small: fewer keys,
  /// more queries. There a tile's size changes the bits (tokens_of()), so that it is that of one
  /// row alone, computed by the whole team. Both are multiples of 16, a vector of f32; a worker
  /// gets at least one tile.
  void choose_tile(int team) {
    const bool packs = packs_on_each_run(matmul_desc({64, head_size_, 64, dtype_, DType::f32},
                                                     epilogue(false, graph::Activation::none)));
    const std::int64_t cache_bytes = packs ? 512 << 10 : 384 << 10, max_keys = packs ? 256 : 1024,
                       max_queries = packs ? kMaxQueries : 128;
    const std::int64_t blocks = (keys_ + max_keys - 1) / max_keys;
    block_ = std::min(((keys_ + blocks - 1) / blocks + 15) / 16 * 16, keys_);
    const std::int64_t query_bytes =
        block_ * static_cast<std::int64_t>(sizeof(float) + size_of(dtype_));
    tile_ = std::clamp<std::int64_t>(cache_bytes / query_bytes / 16 * 16, 16, max_queries);
    const std::int64_t rows = packs ? 1 : rows_, workers = packs ? team : workers_;
    const std::int64_t a_worker = (rows * op_.heads * queries_ + workers - 1) / workers;
    tile_ = std::min({tile_, queries_, std::max<std::int64_t>(a_worker, 1)});
  }

  Block make_block(std::int64_t keys) {
    const auto plain = epilogue(false, graph::Activation::none),
               added = epilogue(true, graph::Activation::none);
    const MatmulShape scores{tile_, head_size_, keys, dtype_, DType::f32},
        sums{tile_, keys, head_size_, dtype_, DType::f32};
    const auto k_layout = matmul_desc(scores, plain).weights_desc();
    const auto v_layout = matmul_desc(sums, added).weights_desc();
    const auto matmuls = [&](std::int64_t m) {
      const auto of_scores = matmul_desc({m, head_size_, keys, dtype_, DType::f32}, plain);
      const auto of_sums = matmul_desc({m, keys, head_size_, dtype_, DType::f32}, added);
      base::require(of_scores.weights_desc() == k_layout && of_sums.weights_desc() == v_layout,
                    base::ErrorCode::internal,
                    "attention: the layout of packed keys depends on the number of queries");
      return Matmuls{make_matmul(of_scores, nullptr, nullptr, workers_),
                     make_matmul(of_sums, nullptr, nullptr, workers_)};
    };
    Block block{.keys = keys,
                .tile = matmuls(tile_),
                .pack_k = make_packing(scores, 1, channels_, k_layout, workers_),
                .pack_v = make_packing(sums, channels_, 1, v_layout, workers_),
                .k_bytes = aligned(k_layout.get_size()),
                .v_bytes = aligned(v_layout.get_size())};
    if (queries_ % tile_ != 0) block.last_tile = matmuls(queries_ % tile_);
    for (const Primitive* p : {&block.tile.scores, &block.tile.sums, &block.last_tile.scores,
                               &block.last_tile.sums, &block.pack_k, &block.pack_v}) {
      library_scratch_ = std::max(library_scratch_, aligned(p->scratch_bytes()));
    }
    return block;
  }

  std::size_t packed_bytes() const {
    return static_cast<std::size_t>(keys_ / block_) * whole_.bytes() + last_.bytes();
  }
  std::byte* packed(const Worker& worker, std::int64_t row, std::int64_t head) const {
    return worker.shared + static_cast<std::size_t>(row * op_.heads + head) * packed_bytes();
  }
  std::byte* kept(const Worker& worker, std::int64_t row, int slot, std::int64_t head) const {
    const std::int64_t item = (row * op_.slots + slot) * op_.heads + head;
    return worker.kept + static_cast<std::size_t>(item) * packed_bytes();
  }
  graph::RowSlots slots_of(const Worker& worker, std::int64_t row) const {
    const auto* entries = worker.value<std::int32_t>(slots_) + row * slot_entries_;
    return {entries, slot_entries_, op_.slots};
  }
  /// Calls use(block, its first key) for all keys in order.
  template <typename Use>
  void for_blocks(const Use& use) const {
    for (std::int64_t first = 0; first < keys_; first += block_)
      use(keys_ - first < block_ ? last_ : whole_, first);
  }

  void pack(const Worker& worker) const {
    const Share mine = share(kv_rows_ * op_.heads, worker.index, workers_);
    for (std::int64_t item = mine.begin; item < mine.end; ++item) {
      const std::int64_t row = item / op_.heads, head = item % op_.heads;
      std::byte* to = op_.slots > 0 ? kept(worker, row, slots_of(worker, row).own(), head)
                                    : packed(worker, row, head);
      for_blocks([&](const Block& block, std::int64_t first) {
        const auto offset =
            static_cast<std::size_t>((row * keys_ + first) * channels_ + head * head_size_) *
            size_of(dtype_);
        block.pack_k.run(worker, {worker.value<std::byte>(k_) + offset, to});
        block.pack_v.run(worker, {worker.value<std::byte>(v_) + offset, to + block.k_bytes});
        to += block.bytes();
      });
    }
  }

  void attend(const Worker& worker) const {
    const Share mine = share(rows_ * op_.heads * tiles_, worker.index, workers_);
    for (std::int64_t item = mine.begin; item < mine.end; ++item) {
      attend_tile(worker, item / (op_.heads * tiles_), item / tiles_ % op_.heads,
                  item % tiles_ * tile_);
    }
  }

  /// m and l of a tile's rows.
  struct SoftmaxState {
    float row_max[kMaxQueries], row_sum[kMaxQueries];
  };

  void attend_tile(const Worker& worker, std::int64_t row, std::int64_t head,
                   std::int64_t first) const {
    const TileScratch at = tile_scratch();
    const std::int64_t m = std::min(tile_, queries_ - first);
    const auto step = static_cast<std::size_t>(channels_) * size_of(dtype_);
    const auto head_bytes = static_cast<std::size_t>(head_size_) * size_of(dtype_);
    const auto offset = static_cast<std::size_t>(row * queries_ + first) * step +
                        static_cast<std::size_t>(head) * head_bytes;

    const std::byte* q = worker.value<std::byte>(q_) + offset;
    std::byte* dense = worker.scratch + at.queries;
    for (std::int64_t i = 0; i < m; ++i, q += step, dense += head_bytes)
      std::memcpy(dense, q, head_bytes);

    SoftmaxState state;
    std::fill_n(state.row_max, m, -std::numeric_limits<float>::infinity());
    std::fill_n(state.row_sum, m, 0.0F);
    auto* sums = reinterpret_cast<float*>(worker.scratch + at.sums);
    std::fill_n(sums, m * head_size_, 0.0F);
    const auto attend_to = [&](const std::byte* kv) {
      for_blocks([&](const Block& block, std::int64_t first_key) {
        if (!op_.causal || first_key < first + m)
          attend_block(worker, block, kv, m, op_.causal ? first + 1 - first_key : block.keys,
                       state);
        kv += block.bytes();
      });
    };
    if (op_.slots > 0) {
      const graph::RowSlots slots = slots_of(worker, row);
      for (const int slot : slots.all()) attend_to(kept(worker, row, slot, head));
    } else {
      attend_to(packed(worker, op_.kv_rows[static_cast<std::size_t>(row)], head));
    }

    std::byte* y = worker.value<std::byte>(y_) + offset;
    for (std::int64_t i = 0; i < m; ++i, y += step) {
      simd::convert(DType::f32, sums + i * head_size_, dtype_, y,
                    static_cast<std::size_t>(head_size_), 1.0F / state.row_sum[i], 0.0F);
    }
  }

  /// Takes a tile of m queries through one block. The first row sees `visible` keys of it, and each
  /// row after it one more if the attention is causal.
  void attend_block(const Worker& worker, const Block& block, const std::byte* kv, std::int64_t m,
                    std::int64_t visible, SoftmaxState& state) const {
    const TileScratch at = tile_scratch();
    const Matmuls& matmuls = m == tile_ ? block.tile : block.last_tile;
    auto* scores = reinterpret_cast<float*>(worker.scratch + at.scores);
    std::byte* probabilities = worker.scratch + at.probabilities;
    auto* sums = reinterpret_cast<float*>(worker.scratch + at.sums);
    matmuls.scores.run(worker, {worker.scratch + at.queries, kv, scores});
    const float scale = 1.0F / std::sqrt(static_cast<float>(head_size_));
    const auto keys = static_cast<std::size_t>(block.keys);
    for (std::int64_t i = 0; i < m; ++i) {
      const auto r = static_cast<std::size_t>(i);
      const auto visible_keys = static_cast<std::size_t>(
          std::clamp<std::int64_t>(visible + (op_.causal ? i : 0), 0, block.keys));
      const float old_max = state.row_max[i];
      const float total = simd::softmax_numerators(dtype_, scores + r * keys,
                                                   probabilities + r * keys * size_of(dtype_),
                                                   visible_keys, keys, scale, state.row_max[i]);
      if (state.row_sum[i] > 0 && state.row_max[i] != old_max) {
        const float rescale = std::exp(scale * (old_max - state.row_max[i]));
        state.row_sum[i] *= rescale;
        float* sum = sums + i * head_size_;
        simd::convert(DType::f32, sum, DType::f32, sum, static_cast<std::size_t>(head_size_),
                      rescale, 0);
      }
      state.row_sum[i] += total;
    }
    matmuls.sums.run(worker, {probabilities, kv + block.k_bytes, sums});
  }

  graph::Attention op_;
  graph::Value q_, k_, v_, y_, slots_;
  DType dtype_;
  std::int64_t channels_, head_size_, rows_, queries_, keys_, kv_rows_;
  int workers_;
  std::int64_t slot_entries_ = 0;
  std::int64_t tile_ = 0, tiles_ = 0, block_ = 0;
  /// Keys by the block, and those left over.
  Block whole_, last_;
  std::size_t library_scratch_ = 0;
};

}  // namespace

std::unique_ptr<Kernel> make_kernel(const graph::Attention& op, const KernelContext& context) {
  return std::make_unique<AttentionKernel>(op, context);
}

}  // namespace streamdiffusion::backend::cpu

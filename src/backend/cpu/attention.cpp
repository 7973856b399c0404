// Attention in tiles of queries: keys and values are packed once a head, then scores, softmax and
// the weighted sum of a tile stay in a worker's cache. Strided heads given to the library directly
// fall to its slow path.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "backend/cpu/matmul.h"
#include "backend/cpu/share.h"
#include "backend/cpu/simd.h"
#include "base/error.h"

namespace streamdiffusion::backend::cpu {
namespace {

using tensor::DType;

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
        size_(channels_ / op.heads),
        rows_(context.output().shape.n),
        queries_(context.output().shape.tokens()),
        keys_(context.input(1).shape.tokens()),
        kv_rows_(context.input(1).shape.n),
        workers_(context.workers) {
    choose_tile();
    tiles_ = (queries_ + tile_ - 1) / tile_;
    whole_ = make_products(tile_);
    if (queries_ % tile_ != 0) rest_ = make_products(queries_ % tile_);
    const MatmulShape scores{tile_, size_, keys_, dtype_, DType::f32},
        sums{tile_, keys_, size_, dtype_, DType::f32};
    pack_k_ = make_packing(scores, 1, channels_, whole_.k_layout, workers_);
    pack_v_ = make_packing(sums, channels_, 1, whole_.v_layout, workers_);
    k_bytes_ = aligned(whole_.k_layout.get_size());
    v_bytes_ = aligned(whole_.v_layout.get_size());
    for (const Primitive* p :
         {&whole_.scores, &whole_.sums, &rest_.scores, &rest_.sums, &pack_k_, &pack_v_}) {
      library_scratch_ = std::max(library_scratch_, aligned(p->scratch_bytes()));
    }
  }

  int stages() const override { return 2; }
  void run(int stage, const Worker& worker) const override {
    stage == 0 ? pack(worker) : attend(worker);
  }

  std::string implementation() const override {
    return whole_.scores.implementation() + " + " + whole_.sums.implementation();
  }
  std::size_t shared_bytes() const override {
    return static_cast<std::size_t>(kv_rows_ * op_.heads) * (k_bytes_ + v_bytes_);
  }
  std::size_t scratch_bytes() const override { return tile_scratch().end; }

 private:
  /// The products of one number of queries.
  struct Products {
    Primitive scores, sums;
    dnnl::memory::desc k_layout, v_layout;
  };

  /// Offsets into a worker's scratch, after the library's own.
  struct TileScratch {
    std::size_t queries, scores, probabilities, sums, end;
  };

  TileScratch tile_scratch() const {
    const auto tile = static_cast<std::size_t>(tile_), size = static_cast<std::size_t>(size_);
    const auto keys = static_cast<std::size_t>(keys_);
    TileScratch s{};
    s.queries = library_scratch_;
    s.scores = s.queries + aligned(tile * size * size_of(dtype_));
    s.probabilities = s.scores + aligned(tile * keys * sizeof(float));
    s.sums = s.probabilities + aligned(tile * keys * size_of(dtype_));
    s.end = s.sums + aligned(tile * size * sizeof(float));
    return s;
  }

  /// As many queries as keep a tile's scores and probabilities in the second-level cache.
  void choose_tile() {
    constexpr std::int64_t kCacheBytes = 512 << 10;
    const std::int64_t query_bytes =
        keys_ * static_cast<std::int64_t>(sizeof(float) + size_of(dtype_));
    tile_ = std::clamp<std::int64_t>(kCacheBytes / query_bytes / 16 * 16, 16, 128);
    const std::int64_t a_worker = (rows_ * op_.heads * queries_ + workers_ - 1) / workers_;
    tile_ = std::min({tile_, queries_, std::max<std::int64_t>(a_worker, 1)});
  }

  Products make_products(std::int64_t m) const {
    const auto plain = epilogue(false, graph::Activation::none);
    const auto scores = matmul_desc({m, size_, keys_, dtype_, DType::f32}, plain);
    const auto sums = matmul_desc({m, keys_, size_, dtype_, DType::f32}, plain);
    base::require(!whole_.k_layout || (scores.weights_desc() == whole_.k_layout &&
                                       sums.weights_desc() == whole_.v_layout),
                  base::ErrorCode::internal,
                  "attention: the layout of packed keys depends on the number of queries");
    return {make_matmul(scores, nullptr, nullptr, workers_),
            make_matmul(sums, nullptr, nullptr, workers_), scores.weights_desc(),
            sums.weights_desc()};
  }

  std::byte* packed_k(const Worker& worker, std::int64_t item) const {
    return worker.shared + static_cast<std::size_t>(item) * (k_bytes_ + v_bytes_);
  }

  void pack(const Worker& worker) const {
    const Share mine = share(kv_rows_ * op_.heads, worker.index, workers_);
    for (std::int64_t item = mine.begin; item < mine.end; ++item) {
      const std::int64_t row = item / op_.heads, head = item % op_.heads;
      const auto offset =
          static_cast<std::size_t>(row * keys_ * channels_ + head * size_) * size_of(dtype_);
      std::byte* to = packed_k(worker, item);
      pack_k_.run(worker, {worker.value<std::byte>(k_) + offset, to});
      pack_v_.run(worker, {worker.value<std::byte>(v_) + offset, to + k_bytes_});
    }
  }

  void attend(const Worker& worker) const {
    const Share mine = share(rows_ * op_.heads * tiles_, worker.index, workers_);
    for (std::int64_t item = mine.begin; item < mine.end; ++item) {
      attend_tile(worker, item / (op_.heads * tiles_), item / tiles_ % op_.heads,
                  item % tiles_ * tile_);
    }
  }

  void attend_tile(const Worker& worker, std::int64_t row, std::int64_t head,
                   std::int64_t first) const {
    const TileScratch at = tile_scratch();
    const std::int64_t m = std::min(tile_, queries_ - first);
    const Products& products = m == tile_ ? whole_ : rest_;
    const auto step = static_cast<std::size_t>(channels_) * size_of(dtype_);
    const auto head_bytes = static_cast<std::size_t>(size_) * size_of(dtype_);
    const auto offset = static_cast<std::size_t>(row * queries_ + first) * step +
                        static_cast<std::size_t>(head) * head_bytes;

    const std::byte* q = worker.value<std::byte>(q_) + offset;
    std::byte* dense = worker.scratch + at.queries;
    for (std::int64_t i = 0; i < m; ++i, q += step, dense += head_bytes)
      std::memcpy(dense, q, head_bytes);

    auto* scores = reinterpret_cast<float*>(worker.scratch + at.scores);
    std::byte* probabilities = worker.scratch + at.probabilities;
    auto* sums = reinterpret_cast<float*>(worker.scratch + at.sums);
    const std::int64_t kv_row = op_.kv_rows[static_cast<std::size_t>(row)];
    const std::byte* k = packed_k(worker, kv_row * op_.heads + head);
    products.scores.run(worker, {worker.scratch + at.queries, k, scores});

    float totals[kMostQueries];
    const float scale = 1.0F / std::sqrt(static_cast<float>(size_));
    const auto keys = static_cast<std::size_t>(keys_);
    for (std::int64_t i = 0; i < m; ++i) {
      const auto r = static_cast<std::size_t>(i);
      const std::size_t visible = op_.causal ? static_cast<std::size_t>(first + i + 1) : keys;
      totals[r] = simd::softmax_numerators(dtype_, scores + r * keys,
                                           probabilities + r * keys * size_of(dtype_), visible,
                                           keys, scale);
    }
    products.sums.run(worker, {probabilities, k + k_bytes_, sums});

    std::byte* y = worker.value<std::byte>(y_) + offset;
    for (std::int64_t i = 0; i < m; ++i, y += step) {
      simd::convert(DType::f32, sums + i * size_, dtype_, y, static_cast<std::size_t>(size_),
                    1.0F / totals[static_cast<std::size_t>(i)], 0.0F);
    }
  }

  static constexpr std::size_t kMostQueries = 128;

  graph::Attention op_;
  graph::Value q_, k_, v_, y_;
  DType dtype_;
  std::int64_t channels_, size_, rows_, queries_, keys_, kv_rows_;
  int workers_;
  std::int64_t tile_ = 0, tiles_ = 0;
  Products whole_, rest_;
  Primitive pack_k_, pack_v_;
  std::size_t k_bytes_ = 0, v_bytes_ = 0, library_scratch_ = 0;
};

}  // namespace

std::unique_ptr<Kernel> make_kernel(const graph::Attention& op, const KernelContext& context) {
  return std::make_unique<AttentionKernel>(op, context);
}

}  // namespace streamdiffusion::backend::cpu

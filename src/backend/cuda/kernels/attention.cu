// Launches the attention kernel of attention.cuh.
#include <cmath>

#include "backend/cuda/kernels/attention.cuh"
#include "backend/cuda/kernels/launch.cuh"

namespace streamdiffusion::backend::cuda {
namespace {

template <typename T, int kChannels>
void run_attention(const graph::Attention& op, const tensor::View& q, const tensor::View& k,
                   const tensor::View& v, const int* kv_rows, const KeptSlots& kept,
                   const tensor::View& y, Stream stream) {
  const tensor::Shape& shape = q.desc.shape;
  const auto queries = static_cast<int>(shape.tokens());
  const auto size = static_cast<int>(shape.c / op.heads);
  KeptKeys<T> kept_keys;
  if (op.slots > 0) {
    kept_keys = {static_cast<const T*>(kept.data), kept.entries.as<const int>(),
                 static_cast<int>(kept.entries.desc.shape.c), op.slots};
  }
  const int blocks = (queries + kAttentionQueries - 1) / kAttentionQueries;
  launch("attention", attention<T, kChannels>,
         dim3(static_cast<unsigned>(blocks), static_cast<unsigned>(op.heads),
              static_cast<unsigned>(shape.n)),
         dim3(kWarp, kAttentionQueries), stream, q.as<const T>(), k.as<const T>(), v.as<const T>(),
         kv_rows, kept_keys, y.as<T>(), queries, static_cast<int>(k.desc.shape.tokens()), op.heads,
         size, op.causal, 1.0F / std::sqrt(static_cast<float>(size)));
}

}  // namespace

void launch_attention(const graph::Attention& op, const tensor::View& q, const tensor::View& k,
                      const tensor::View& v, const int* kv_rows, const KeptSlots& kept,
                      const tensor::View& y, Stream stream) {
  const std::int64_t size = q.desc.shape.c / op.heads;
  base::require(size <= kMaxHeadSize, base::ErrorCode::unsupported,
                "attention with a head size of ", size, "; the cuda device takes up to ",
                kMaxHeadSize);
  dispatch_float(y.desc.dtype, "attention", [&](auto type) {
    using T = typename decltype(type)::type;
    if (size <= kWarp) return run_attention<T, 1>(op, q, k, v, kv_rows, kept, y, stream);
    if (size <= 2 * kWarp) return run_attention<T, 2>(op, q, k, v, kv_rows, kept, y, stream);
    if (size <= 5 * kWarp) return run_attention<T, 5>(op, q, k, v, kv_rows, kept, y, stream);
    run_attention<T, 16>(op, q, k, v, kv_rows, kept, y, stream);
  });
}

}  // namespace streamdiffusion::backend::cuda

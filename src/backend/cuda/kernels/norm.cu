// Launches the kernels of norm.cuh.
#include "backend/cuda/kernels/launch.cuh"
#include "backend/cuda/kernels/norm.cuh"

namespace streamdiffusion::backend::cuda {
namespace {

/// Blocks of the statistics kernel a row: enough to fill a card at one row, few enough that their
/// moments are combined in no time.
constexpr std::int64_t kMaxChunks = 64;

std::int64_t chunks_of(const tensor::Shape& shape) {
  constexpr std::int64_t kFewestTokens = 16;
  return std::clamp<std::int64_t>(shape.tokens() / kFewestTokens, 1, kMaxChunks);
}

template <typename T, int kWidth>
void run_group_norm(const graph::GroupNorm& op, const GroupNormInputs& inputs,
                    const tensor::View& y, void* workspace, Stream stream) {
  const tensor::Shape& shape = y.desc.shape;
  const NormInput<T> x{
      inputs.first.as<const T>(), inputs.second.as<const T>(), inputs.row_bias,
      static_cast<int>(inputs.first.desc.shape.c),
      inputs.second.data == nullptr ? 0 : static_cast<int>(inputs.second.desc.shape.c)};
  const std::int64_t tokens = shape.tokens(), chunks = chunks_of(shape),
                     tokens_a_chunk = (tokens + chunks - 1) / chunks;
  const auto used = static_cast<unsigned>((tokens + tokens_a_chunk - 1) / tokens_a_chunk);
  const auto rows = static_cast<unsigned>(shape.n);
  auto* moments = static_cast<Moments*>(workspace);
  launch("group_moments", group_moments<T, kWidth>, dim3(used, rows), dim3(kNormThreads), stream, x,
         moments, tokens, tokens_a_chunk, op.groups);
  const dim3 blocks = grid_for(tokens * shape.c / kWidth);
  launch("group_normalize", group_normalize<T, kWidth>, dim3(blocks.x, rows), dim3(kNormThreads),
         stream, x, moments, static_cast<int>(used), inputs.weight, inputs.bias, y.as<T>(), tokens,
         op.groups, op.eps, op.silu);
}

template <typename T, int kWidth, int kVectors>
void run_layer_norm(const graph::LayerNorm& op, const tensor::View& x, const float* weight,
                    const float* bias, const tensor::View& y, Stream stream) {
  const std::int64_t tokens = x.desc.shape.n * x.desc.shape.tokens();
  const auto blocks = static_cast<unsigned>((tokens + kLayerNormTokens - 1) / kLayerNormTokens);
  launch("layer_norm", layer_norm<T, kWidth, kVectors>, dim3(blocks), dim3(kWarp, kLayerNormTokens),
         stream, x.as<const T>(), weight, bias, y.as<T>(), tokens, static_cast<int>(x.desc.shape.c),
         op.eps);
}

}  // namespace

std::size_t group_norm_workspace(const graph::GroupNorm& op, const tensor::Shape& output) {
  return static_cast<std::size_t>(output.n * chunks_of(output) * op.groups) * sizeof(Moments);
}

void launch_group_norm(const graph::GroupNorm& op, const GroupNormInputs& inputs,
                       const tensor::View& y, void* workspace, Stream stream) {
  const std::int64_t channels = y.desc.shape.c;
  base::require(channels <= kMaxStatisticsChannels && op.groups <= kMaxGroups,
                base::ErrorCode::unsupported, "group_norm of ", channels, " channels in ",
                op.groups, " groups; the cuda device takes up to ", kMaxStatisticsChannels,
                " channels in up to ", kMaxGroups, " groups");
  dispatch_float(y.desc.dtype, "group_norm", [&](auto type) {
    using T = typename decltype(type)::type;
    // A vector may straddle neither the two inputs nor the end of a token.
    const bool even = inputs.second.data == nullptr || inputs.first.desc.shape.c % 8 == 0;
    dispatch_width<T>(
        even ? channels : 1, {inputs.first.data, inputs.second.data, y.data},
        [&](auto width) { run_group_norm<T, width>(op, inputs, y, workspace, stream); });
  });
}

void launch_layer_norm(const graph::LayerNorm& op, const tensor::View& x, const float* weight,
                       const float* bias, const tensor::View& y, Stream stream) {
  dispatch_float(y.desc.dtype, "layer_norm", [&](auto type) {
    using T = typename decltype(type)::type;
    dispatch_width<T>(x.desc.shape.c, {x.data, y.data}, [&](auto width) {
      const std::int64_t vectors = (x.desc.shape.c / width + kWarp - 1) / kWarp;
      if (vectors <= 2) return run_layer_norm<T, width, 2>(op, x, weight, bias, y, stream);
      if (vectors <= 3) return run_layer_norm<T, width, 3>(op, x, weight, bias, y, stream);
      if (vectors <= 5) return run_layer_norm<T, width, 5>(op, x, weight, bias, y, stream);
      run_layer_norm<T, width, 0>(op, x, weight, bias, y, stream);
    });
  });
}

}  // namespace streamdiffusion::backend::cuda

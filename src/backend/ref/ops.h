// The reference form of every op kind: one overload of run() each. An op kind without an overload
// does not compile.
#pragma once

#include "backend/ref/call.h"
#include "graph/op.h"

namespace streamdiffusion::backend::ref {

void run(const graph::Conv2d& op, const Call& call);
void run(const graph::Linear& op, const Call& call);
void run(const graph::GegluLinear& op, const Call& call);
void run(const graph::GroupNorm& op, const Call& call);
void run(const graph::LayerNorm& op, const Call& call);
void run(const graph::Attention& op, const Call& call);
void run(const graph::Add& op, const Call& call);
void run(const graph::AddScaled& op, const Call& call);
void run(const graph::Act& op, const Call& call);
void run(const graph::Convert& op, const Call& call);
void run(const graph::UpsampleNearest& op, const Call& call);
void run(const graph::ConcatChannels& op, const Call& call);
void run(const graph::ConcatTokens& op, const Call& call);
void run(const graph::SliceChannels& op, const Call& call);
/// Throws invalid_argument, naming the id and the vocabulary, if an id is outside the table.
void run(const graph::Embedding& op, const Call& call);
void run(const graph::TimestepEmbedding& op, const Call& call);
void run(const graph::InjectFeatures& op, const Call& call);

/// How a weight of two or more dimensions is packed.
enum class Packing {
  as_stored,
  /// [out, rest...] -> [rest..., out], so that the sums of one token are contiguous.
  outputs_innermost,
  /// The same, of the folded weight of an upsample2x convolution.
  upsample2x,
};

template <typename Kind>
constexpr Packing packing(const Kind&) {
  return Packing::as_stored;
}
constexpr Packing packing(const graph::Conv2d& op) {
  return op.upsample2x ? Packing::upsample2x : Packing::outputs_innermost;
}
constexpr Packing packing(const graph::Linear&) {
  return Packing::outputs_innermost;
}
constexpr Packing packing(const graph::GegluLinear&) {
  return Packing::outputs_innermost;
}

/// Doubles of scratch that an op needs; `inputs` are the shapes of its inputs.
template <typename Kind>
std::int64_t sums(const Kind&, std::span<const tensor::Shape>) {
  return 0;
}
inline std::int64_t sums(const graph::Conv2d& op, std::span<const tensor::Shape>) {
  return op.out;
}
inline std::int64_t sums(const graph::Linear& op, std::span<const tensor::Shape>) {
  return op.out;
}
inline std::int64_t sums(const graph::GegluLinear& op, std::span<const tensor::Shape>) {
  return 2 * op.out;
}
inline std::int64_t sums(const graph::Attention& op, std::span<const tensor::Shape> inputs) {
  const std::int64_t sources = op.slots > 0 ? inputs[3].c : 1;
  return inputs[1].tokens() * sources + inputs[0].c / op.heads;
}

}  // namespace streamdiffusion::backend::ref

// The closed list of op kinds. Every backend visits this variant, so a backend that lacks a kind
// does not compile.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "graph/ops/attention.h"
#include "graph/ops/conv2d.h"
#include "graph/ops/elementwise.h"
#include "graph/ops/linear.h"
#include "graph/ops/norm.h"

namespace streamdiffusion::graph {

using Attributes =
    std::variant<Conv2d, Linear, GegluLinear, GroupNorm, LayerNorm, Attention, Add, Act, Convert,
                 UpsampleNearest, ConcatChannels, SliceChannels, Embedding, TimestepEmbedding>;

/// A value of the graph: an index into Graph::values.
struct Value {
  int id = -1;
  constexpr explicit operator bool() const { return id >= 0; }
  constexpr bool operator==(const Value&) const = default;
};

/// How often a value changes. An op's lifetime is the longest-changing of its inputs'; everything
/// but per_frame is computed ahead of the stream (the paper's pre-computation).
enum class Lifetime { per_model, per_schedule, per_prompt, per_frame };
constexpr int kLifetimes = 4;
const char* to_string(Lifetime lifetime);

/// The range of the values that a tensor took in calibration.
struct ActivationRange {
  float low = 0, high = 0;
};

struct Op {
  Attributes attributes;
  std::vector<Value> inputs;
  /// Indices into Graph::weights, in the order the attribute's struct documents.
  std::vector<int> weights;
  Value output;
  /// Module name in the model, e.g. "down_blocks.0.resnets.0.conv1".
  std::string name;
  /// The part of the pipeline that it is timed under, e.g. "unet".
  std::string stage;
  /// Of its first input. An op that has one runs in int8 (quantize.h).
  std::optional<ActivationRange> input_range;

  const char* kind() const;
};

}  // namespace streamdiffusion::graph

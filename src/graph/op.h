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
    std::variant<Conv2d, Linear, GegluLinear, GroupNorm, LayerNorm, Attention, Add, AddScaled, Act,
                 Convert, UpsampleNearest, ConcatChannels, ConcatTokens, SliceChannels, Embedding,
                 TimestepEmbedding, InjectFeatures>;

/// A value of the graph: an index into Graph::values.
struct Value {
  int id = -1;
  constexpr explicit operator bool() const { return id >= 0; }
  constexpr bool operator==(const Value&) const = default;
};

/// How often a value changes. All but per_frame is computed ahead of the stream: the paper's
/// pre-computation (docs/algorithm.md, section 9).
///
/// The order of the enumerators is the order in which the programs run, and the output of an op has
/// the latest lifetime of its inputs. A value that depends on both the schedule and the prompt is
/// therefore per_prompt. So whoever runs the per_schedule program must run the per_prompt program
/// after it, before the next frame; otherwise such a value is stale.
enum class Lifetime { per_schedule, per_prompt, per_frame };
constexpr int kLifetimes = 3;
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

// Records a graph while looking eager: each call infers the shape and checks it, and returns the
// new value.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "graph/graph.h"

namespace streamdiffusion::graph {

/// A dotted module name: Name("down_blocks") / 0 / "resnets" -> "down_blocks.0.resnets".
class Name {
 public:
  Name() = default;
  explicit Name(std::string text) : text_(std::move(text)) {}
  Name operator/(std::string_view part) const;
  Name operator/(int part) const { return *this / std::to_string(part); }
  const std::string& str() const { return text_; }

 private:
  std::string text_;
};

struct ConvOptions {
  std::int64_t out = 0;
  int kernel = 3, stride = 1;
  /// Default kernel / 2.
  std::optional<int> pad_begin, pad_end;
  bool bias = true;
  Value row_bias, residual;
  /// Upsample x by two to nearest first (upsample2x.h).
  bool upsample2x = false;
  Activation act = Activation::none;
};

struct LinearOptions {
  std::int64_t out = 0;
  bool bias = true;
  /// Full name of a second bias tensor to add (that of a following convolution), or empty.
  std::string extra_bias;
  Value residual;
  Activation act = Activation::none;
  /// The file stores the weight as a 1x1 convolution, [out, in, 1, 1].
  bool conv_weight = false;
  /// The file stores the weight as a convolution of patches of this side, [out, in / side^2, side,
  /// side]; the channels of the input are a patch's, by color, line and column. 0: it does not.
  std::int64_t patch = 0;
  bool f32_output = false;
};

class Builder {
 public:
  /// `activations` is the type that ops store their results in (f32, bf16 or f16).
  explicit Builder(tensor::DType activations) : activations_(activations) {}

  /// Ops recorded from here on belong to this stage ("encode", "unet", "decode", "text").
  void set_stage(std::string stage) { stage_ = std::move(stage); }

  Value input(std::string name, tensor::Desc desc, Lifetime lifetime);
  void output(std::string name, Value value);

  Value conv2d(Value x, const Name& name, const ConvOptions& options);
  Value linear(Value x, const Name& name, const LinearOptions& options);
  Value geglu_linear(Value x, const Name& name, std::int64_t out);
  Value group_norm(Value x, const Name& name, const GroupNorm& options);
  Value group_norm(Value x, Value second, const Name& name, const GroupNorm& options);
  Value layer_norm(Value x, const Name& name, const LayerNorm& options = {});
  /// With empty kv_rows, row i attends to row i.
  Value attention(Value q, Value k, Value v, const Name& name, Attention options);
  /// With options.slots > 0; `slots` is its fourth input.
  Value attention(Value q, Value k, Value v, Value slots, const Name& name, Attention options);
  Value inject_features(Value features, Value residual, Value slots, Value settings,
                        const Name& name, const InjectFeatures& options);
  Value add(Value a, Value b);
  /// a + scales[row, column] * b
  Value add_scaled(Value a, Value b, Value scales, std::int64_t column);
  Value act(Value x, Activation activation);
  Value silu(Value x) { return act(x, Activation::silu); }
  Value convert(Value x, const Convert& options);
  /// To the activations' type, unscaled.
  Value to_activations(Value x) { return convert(x, {.to = activations_}); }
  Value upsample_nearest(Value x, std::int64_t h, std::int64_t w);
  Value concat_channels(Value a, Value b);
  Value concat_tokens(Value a, Value b);
  Value slice_channels(Value x, std::int64_t first, std::int64_t count);
  Value embedding(Value ids, const Name& name, const Embedding& options,
                  std::string_view token_table, std::string_view position_table);
  Value timestep_embedding(Value timesteps, const TimestepEmbedding& options);

  const tensor::Shape& shape(Value value) const { return graph_.desc(value).shape; }
  tensor::DType activations() const { return activations_; }

  /// The finished graph; the builder is empty afterwards.
  Graph finish();

 private:
  Value record(Attributes attributes, std::vector<Value> inputs, std::vector<int> weights,
               std::string name, tensor::DType dtype);
  int weight(std::string name, std::vector<std::int64_t> dims);

  Graph graph_;
  tensor::DType activations_;
  std::string stage_;
  std::unordered_map<std::string, int> weight_index_;
};

}  // namespace streamdiffusion::graph

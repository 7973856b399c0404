#include "graph/builder.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/error.h"

namespace streamdiffusion::graph {

using base::ErrorCode;
using tensor::DType;

Name Name::operator/(std::string_view part) const {
  return Name(text_.empty() ? std::string(part) : text_ + "." + std::string(part));
}

Value Builder::input(std::string name, tensor::Desc desc, Lifetime lifetime) {
  const Value value{static_cast<int>(graph_.values.size())};
  graph_.values.push_back({desc, lifetime, -1});
  graph_.inputs.push_back({std::move(name), value});
  return value;
}

void Builder::output(std::string name, Value value) {
  graph_.outputs.push_back({std::move(name), value});
}

Value Builder::conv2d(Value x, const Name& name, const ConvOptions& o) {
  const Conv2d op{.in = shape(x).c,
                  .out = o.out,
                  .kernel = o.kernel,
                  .stride = o.stride,
                  .pad_begin = o.pad_begin.value_or(o.kernel / 2),
                  .pad_end = o.pad_end.value_or(o.kernel / 2),
                  .bias = o.bias,
                  .row_bias = static_cast<bool>(o.row_bias),
                  .residual = static_cast<bool>(o.residual),
                  .upsample2x = o.upsample2x,
                  .act = o.act};
  std::vector<Value> inputs{x};
  if (o.row_bias) inputs.push_back(o.row_bias);
  if (o.residual) inputs.push_back(o.residual);
  std::vector<int> weights{weight((name / "weight").str(), {o.out, op.in, o.kernel, o.kernel})};
  if (o.bias) weights.push_back(weight((name / "bias").str(), {o.out}));
  return record(op, std::move(inputs), std::move(weights), name.str(), activations_);
}

Value Builder::linear(Value x, const Name& name, const LinearOptions& o) {
  const Linear op{.in = shape(x).c,
                  .out = o.out,
                  .bias = o.bias,
                  .extra_bias = !o.extra_bias.empty(),
                  .residual = static_cast<bool>(o.residual),
                  .act = o.act};
  std::vector<Value> inputs{x};
  if (o.residual) inputs.push_back(o.residual);
  std::vector<std::int64_t> dims{o.out, op.in};
  if (o.conv_weight) dims.insert(dims.end(), {1, 1});
  if (o.patch > 0) dims = {o.out, op.in / (o.patch * o.patch), o.patch, o.patch};
  std::vector<int> weights{weight((name / "weight").str(), std::move(dims))};
  if (o.bias) weights.push_back(weight((name / "bias").str(), {o.out}));
  if (op.extra_bias) weights.push_back(weight(o.extra_bias, {o.out}));
  return record(op, std::move(inputs), std::move(weights), name.str(),
                o.f32_output ? DType::f32 : activations_);
}

Value Builder::geglu_linear(Value x, const Name& name, std::int64_t out) {
  const GegluLinear op{.in = shape(x).c, .out = out};
  std::vector<int> weights{weight((name / "weight").str(), {2 * out, op.in}),
                           weight((name / "bias").str(), {2 * out})};
  return record(op, {x}, std::move(weights), name.str(), activations_);
}

Value Builder::group_norm(Value x, const Name& name, const GroupNorm& options) {
  const std::int64_t c = shape(x).c;
  return record(options, {x},
                {weight((name / "weight").str(), {c}), weight((name / "bias").str(), {c})},
                name.str(), activations_);
}

Value Builder::group_norm(Value x, Value second, const Name& name, const GroupNorm& options) {
  const std::int64_t c = shape(x).c + shape(second).c;
  return record(options, {x, second},
                {weight((name / "weight").str(), {c}), weight((name / "bias").str(), {c})},
                name.str(), activations_);
}

Value Builder::layer_norm(Value x, const Name& name, const LayerNorm& options) {
  const std::int64_t c = shape(x).c;
  return record(options, {x},
                {weight((name / "weight").str(), {c}), weight((name / "bias").str(), {c})},
                name.str(), activations_);
}

Value Builder::attention(Value q, Value k, Value v, const Name& name, Attention options) {
  return attention(q, k, v, {}, name, std::move(options));
}

Value Builder::attention(Value q, Value k, Value v, Value slots, const Name& name,
                         Attention options) {
  if (options.kv_rows.empty()) {
    options.kv_rows.resize(static_cast<std::size_t>(shape(q).n));
    std::iota(options.kv_rows.begin(), options.kv_rows.end(), 0);
  }
  std::vector<Value> inputs{q, k, v};
  if (options.slots > 0) inputs.push_back(slots);
  return record(std::move(options), std::move(inputs), {}, name.str(), activations_);
}

Value Builder::inject_features(Value features, Value residual, Value slots, Value settings,
                               const Name& name, const InjectFeatures& options) {
  return record(options, {features, residual, slots, settings}, {}, name.str(), activations_);
}

Value Builder::add(Value a, Value b) {
  return record(Add{}, {a, b}, {}, "", graph_.desc(a).dtype);
}

Value Builder::add_scaled(Value a, Value b, Value scales, std::int64_t column) {
  return record(AddScaled{column}, {a, b, scales}, {}, "", graph_.desc(a).dtype);
}

Value Builder::act(Value x, Activation activation) {
  return record(Act{activation}, {x}, {}, "", graph_.desc(x).dtype);
}

Value Builder::convert(Value x, const Convert& options) {
  const bool nothing =
      options.scale == 1.0F && options.shift == 0.0F && options.to == graph_.desc(x).dtype;
  return nothing ? x : record(options, {x}, {}, "", options.to);
}

Value Builder::upsample_nearest(Value x, std::int64_t h, std::int64_t w) {
  return record(UpsampleNearest{h, w}, {x}, {}, "", graph_.desc(x).dtype);
}

Value Builder::concat_channels(Value a, Value b) {
  return record(ConcatChannels{}, {a, b}, {}, "", graph_.desc(a).dtype);
}

Value Builder::concat_tokens(Value a, Value b) {
  return record(ConcatTokens{}, {a, b}, {}, "", graph_.desc(a).dtype);
}

Value Builder::slice_channels(Value x, std::int64_t first, std::int64_t count) {
  return record(SliceChannels{first, count}, {x}, {}, "", graph_.desc(x).dtype);
}

Value Builder::embedding(Value ids, const Name& name, const Embedding& o,
                         std::string_view token_table, std::string_view position_table) {
  std::vector<int> weights{
      weight((name / token_table / "weight").str(), {o.vocabulary, o.width}),
      weight((name / position_table / "weight").str(), {o.positions, o.width})};
  return record(o, {ids}, std::move(weights), name.str(), activations_);
}

Value Builder::timestep_embedding(Value timesteps, const TimestepEmbedding& options) {
  return record(options, {timesteps}, {}, "", activations_);
}

Graph Builder::finish() {
  weight_index_.clear();
  return std::exchange(graph_, {});
}

Value Builder::record(Attributes attributes, std::vector<Value> inputs, std::vector<int> weights,
                      std::string name, DType dtype) {
  Lifetime lifetime = Lifetime::per_schedule;
  for (const Value input : inputs) {
    base::require(static_cast<bool>(input), ErrorCode::internal, "graph: op \"", name,
                  "\" has an empty input");
    lifetime = std::max(lifetime, graph_.info(input).lifetime);
  }
  Op op{std::move(attributes), std::move(inputs), std::move(weights), {}, std::move(name), stage_};
  const std::vector<tensor::Shape> shapes = graph_.input_shapes(op);
  tensor::Shape out;
  try {
    out = std::visit([&](const auto& kind) { return kind.infer(shapes); }, op.attributes);
  } catch (const base::Error& error) {
    base::fail(error.code(), op.kind(), op.name.empty() ? "" : " \"" + op.name + "\"", ": ",
               error.what());
  }
  op.output = Value{static_cast<int>(graph_.values.size())};
  graph_.values.push_back({{out, dtype}, lifetime, static_cast<int>(graph_.ops.size())});
  graph_.ops.push_back(std::move(op));
  return graph_.ops.back().output;
}

int Builder::weight(std::string name, std::vector<std::int64_t> dims) {
  const auto [entry, added] =
      weight_index_.try_emplace(name, static_cast<int>(graph_.weights.size()));
  base::require(added, ErrorCode::internal, "graph: tensor \"", name, "\" is used twice");
  graph_.weights.push_back({std::move(name), std::move(dims)});
  return entry->second;
}

}  // namespace streamdiffusion::graph

#include "cuda/engines.h"

#include <algorithm>
#include <map>

#include "backend/cuda/attention_runs.h"
#include "backend/cuda/layer_timer.h"
#include "base/error.h"
#include "json/json.h"
#include "models/autoencoder.h"
#include "models/presets.h"
#include "models/unet.h"

namespace streamdiffusion::bench {
namespace {

using backend::cuda::AttentionCall;
using backend::cuda::AttentionShape;
using backend::cuda::ConvolutionForm;
using backend::cuda::ConvolutionShape;
using backend::cuda::GemmShape;
using backend::cuda::LayerBytes;
using backend::cuda::LayerCall;
using backend::cuda::LayerOperands;
using tensor::DType;
using tensor::Shape;

constexpr std::int64_t kLatents = 64;

/// The graphs of a frame of 512x512 pixels.
std::vector<graph::Graph> graphs_of(const EngineOptions& options) {
  const models::Preset& preset = models::find_preset(options.model);
  const auto unet = models::unet_config(json::Json::parse(std::string(preset.unet), "unet"));
  const auto autoencoder =
      models::autoencoder_config(json::Json::parse(std::string(preset.autoencoder), "vae"));
  const std::int64_t side = kLatents * models::vae_scale_factor(autoencoder);
  const models::ImageShape image{.frames = 1, .height = side, .width = side};
  std::vector<graph::Graph> graphs;
  graphs.push_back(models::build_encoder(autoencoder, image));
  graphs.push_back(models::build_unet(
      unet, {.rows = options.rows,
             .h = kLatents,
             .w = kLatents,
             .kv_rows = std::vector<int>(static_cast<std::size_t>(options.rows))}));
  graphs.push_back(models::build_decoder(autoencoder, image));
  return graphs;
}

/// Times what a library proposes for a layer, each by its name.
template <typename Call>
nlohmann::json time_each(Card& card, LayerBytes bytes,
                         const std::vector<std::unique_ptr<Call>>& calls,
                         const std::function<void(Call&, const LayerOperands&)>& run) {
  for (const auto& call : calls)
    bytes.workspace = std::max(bytes.workspace, call->workspace_bytes());
  backend::cuda::LayerTimer timer(*card.runtime, bytes);
  nlohmann::json engines = nlohmann::json::array();
  for (const auto& call : calls) {
    nlohmann::json engine{{"name", call->implementation()},
                          {"workspace_bytes", call->workspace_bytes()}};
    try {
      engine["microseconds"] =
          1e6 * timer.seconds([&](const LayerOperands& operands) { run(*call, operands); });
    } catch (const base::Error& error) {
      engine["error"] = error.what();
    }
    engines.push_back(std::move(engine));
  }
  return engines;
}

nlohmann::json time_layer(Card& card, const LayerBytes& bytes,
                          const std::vector<std::unique_ptr<LayerCall>>& calls) {
  return time_each<LayerCall>(
      card, bytes, calls,
      [](LayerCall& call, const LayerOperands& operands) { call.run(operands); });
}

nlohmann::json time_attention(Card& card, const AttentionShape& s,
                              const std::vector<std::unique_ptr<AttentionCall>>& calls) {
  const auto bytes = [&](std::int64_t tokens) {
    return tensor::size_of(s.dtype) * static_cast<std::size_t>(s.batch * tokens * s.heads * s.size);
  };
  const LayerBytes all{.x = bytes(s.queries),
                       .weight = bytes(s.keys),
                       .residual = bytes(s.keys),
                       .y = bytes(s.queries)};
  return time_each<AttentionCall>(
      card, all, calls, [](AttentionCall& call, const LayerOperands& o) {
        call.run({.q = o.x, .k = o.residual, .v = o.weight, .y = o.y, .workspace = o.workspace});
      });
}

/// One op of a graph, with what its layer is called and how to time it.
struct Layer {
  std::string name;
  double flops = 0;
  std::function<nlohmann::json()> time;
};

class Layers {
 public:
  Layers(Card& card, std::size_t most) : card_(card), most_(most) {}

  void add(const graph::Graph& graph, const graph::Op& op) {
    graph_ = &graph;
    op_ = &op;
    std::visit([&](const auto& kind) { take(kind); }, op.attributes);
  }
  const std::map<std::string, Layer>& all() const { return layers_; }

 private:
  Shape input(std::size_t i) const { return graph_->desc(op_->inputs[i]).shape; }
  Shape output() const { return graph_->desc(op_->output).shape; }
  void keep(const std::string& name, std::function<nlohmann::json()> time) {
    layers_.emplace(name, Layer{name, graph_->flops(*op_), std::move(time)});
  }

  void take(const graph::Conv2d& op) {
    const Shape x = input(0), y = output();
    const ConvolutionForm form = backend::cuda::convolution_form(op, DType::bf16);
    const std::string name = base::concat(
        "conv2d ", to_string(x), " to ", to_string(y), " kernel ", op.kernel, " stride ", op.stride,
        form.bias ? " bias" : "", form.residual ? " residual" : "", form.relu ? " relu" : "",
        form.transposed ? " upsample2x" : "");
    keep(name, [=, this] {
      Shape padded = x;
      padded.c = form.in;
      const ConvolutionShape shape{op, form, padded, y, DType::bf16};
      return time_layer(card_, bytes_of(shape), card_.cudnn.convolutions(shape, most_));
    });
  }
  void product(const char* kind, const GemmShape& shape) {
    keep(base::concat(kind, " ", shape.tokens, " tokens, ", shape.in, " to ", shape.out,
                      shape.residual ? " residual" : ""),
         [=, this] {
           return time_layer(card_, bytes_of(shape), card_.cublaslt.gemms(shape, most_));
         });
  }
  GemmShape shape_of(std::int64_t in, std::int64_t out) const {
    return {.tokens = output().n * output().tokens(),
            .in = in,
            .out = out,
            .dtype = DType::bf16,
            .output_dtype = DType::bf16,
            .bias = true};
  }
  void take(const graph::Linear& op) {
    if (graph_->desc(op_->output).dtype != DType::bf16) return;
    GemmShape shape = shape_of(op.in, op.out);
    shape.bias = op.bias || op.extra_bias;
    shape.residual = op.residual;
    product("linear", shape);
  }
  void take(const graph::GegluLinear& op) { product("geglu", shape_of(op.in, 2 * op.out)); }
  void take(const graph::Attention& op) {
    const Shape q = input(0), k = input(1);
    for (const auto& run : backend::cuda::attention_runs(op.kv_rows)) {
      const AttentionShape shape{.batch = run.batch,
                                 .queries = run.rows * q.tokens(),
                                 .keys = k.tokens(),
                                 .heads = op.heads,
                                 .size = q.c / op.heads,
                                 .dtype = DType::bf16};
      keep(
          base::concat("attention batch ", shape.batch, ", ", shape.queries, " queries, ",
                       shape.keys, " keys, ", shape.heads, " heads of ", shape.size),
          [=, this] { return time_attention(card_, shape, card_.cudnn.attentions(shape, most_)); });
    }
  }
  template <typename Kind>
  void take(const Kind&) {}

  Card& card_;
  const std::size_t most_;
  const graph::Graph* graph_ = nullptr;
  const graph::Op* op_ = nullptr;
  std::map<std::string, Layer> layers_;
};

}  // namespace

void time_engines(Card& card, const EngineOptions& options,
                  const std::function<void(const nlohmann::json&)>& use) {
  Layers layers(card, options.most);
  for (const graph::Graph& graph : graphs_of(options)) {
    for (const graph::Op& op : graph.ops) layers.add(graph, op);
  }
  for (const auto& [name, layer] : layers.all()) {
    nlohmann::json row{{"layer", name}, {"tflop", layer.flops * 1e-12}};
    try {
      row["engines"] = layer.time();
    } catch (const base::Error& error) {
      row["error"] = error.what();
    }
    use(row);
  }
}

}  // namespace streamdiffusion::bench

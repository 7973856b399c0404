#include "session/costs.h"

#include <algorithm>

#include "graph/memory_plan.h"
#include "models/count_parameters.h"
#include "stream/row_layout.h"

namespace streamdiffusion::session {
namespace {

struct Counted {
  std::int64_t parameters = 0;
  std::size_t weight_bytes = 0;
  /// Of what runs for every frame, and of what runs once a prompt; a multiply-add is one.
  double macs = 0, prompt_macs = 0;
};

double macs(const graph::Graph& graph, graph::Lifetime lifetime) {
  double sum = 0;
  for (const graph::Op& op : graph.ops) {
    if (graph.info(op.output).lifetime == lifetime) sum += graph.flops(op) / 2;
  }
  return sum;
}

Counted count(const graph::Graph& graph, const backend::Device& device) {
  Counted found;
  found.parameters = models::count_parameters(graph).parameters;
  found.weight_bytes = device.planned_weight_bytes(graph, graph::plan_memory(graph));
  found.macs = macs(graph, graph::Lifetime::per_frame);
  found.prompt_macs = macs(graph, graph::Lifetime::per_prompt);
  return found;
}

}  // namespace

FrameCost frame_cost(const Model& model, tensor::DType dtype, const SessionOptions& o) {
  const auto frame_macs = [](const graph::Graph& graph) {
    return macs(graph, graph::Lifetime::per_frame);
  };
  const stream::RowLayout layout{static_cast<int>(o.t_index_list.size()), 1, *o.cfg_type};
  FrameCost cost{.rows = layout.unet_rows()};
  cost.row_macs =
      frame_macs(model.unet_graph(model.unet_shape({0}, 1, *o.height, *o.width, dtype)));
  cost.autoencoder_macs = frame_macs(model.decoder_graph(1, *o.height, *o.width, false, dtype));
  if (!o.text_to_image) {
    cost.autoencoder_macs += frame_macs(model.encoder_graph(1, *o.height, *o.width, dtype));
  }
  return cost;
}

std::vector<ControlNetCost> control_costs(const Model& model, const backend::Device& device,
                                          tensor::DType dtype, const SessionOptions& o) {
  std::vector<ControlNetCost> costs;
  if (model.controlnets().empty()) return costs;
  models::UNetShape row = model.unet_shape({0}, 1, *o.height, *o.width, dtype);
  const Counted alone = count(model.unet_graph(row), device);
  for (std::size_t i = 0; i < model.controlnets().size(); ++i) {
    const int net = static_cast<int>(i);
    row.controlnets = {net};
    const Counted with = count(model.unet_graph(row), device);
    const Counted image = count(model.control_graph(net, 1, *o.height, *o.width, dtype), device);
    costs.push_back({.model = model.controlnets()[i].model,
                     .parameters = static_cast<std::size_t>(with.parameters - alone.parameters +
                                                            image.parameters),
                     .weight_bytes = with.weight_bytes - alone.weight_bytes + image.weight_bytes,
                     .row_macs = with.macs - alone.macs,
                     .unet_row_macs = alone.macs,
                     .image_macs = image.macs});
  }
  return costs;
}

std::vector<IpAdapterCost> ip_adapter_costs(const Model& model, const backend::Device& device,
                                            tensor::DType dtype, const SessionOptions& o) {
  std::vector<IpAdapterCost> costs;
  if (model.ip_adapters().empty()) return costs;
  models::UNetShape row = model.unet_shape({0}, 1, *o.height, *o.width, dtype);
  const Counted alone = count(model.unet_graph(row), device);
  for (std::size_t i = 0; i < model.ip_adapters().size(); ++i) {
    const int adapter = static_cast<int>(i);
    const int images = static_cast<int>(o.image_prompts[i].images.size());
    const int tokens = model.image_tokens(adapter);
    row.image_prompts = {{adapter, std::max(images, 1) * tokens}};
    const Counted with = count(model.unet_graph(row), device);
    const Counted encoder = count(model.image_encoder_graph(adapter, dtype), device);
    const Counted projection = count(model.image_projection_graph(adapter, dtype), device);
    costs.push_back({.file = model.ip_adapters()[i].file,
                     .images = images,
                     .tokens = tokens,
                     .parameters = static_cast<std::size_t>(with.parameters - alone.parameters +
                                                            projection.parameters),
                     .encoder_parameters = static_cast<std::size_t>(encoder.parameters),
                     .weight_bytes = with.weight_bytes - alone.weight_bytes,
                     .encoder_bytes = encoder.weight_bytes + projection.weight_bytes,
                     .row_macs = with.macs - alone.macs,
                     .unet_row_macs = alone.macs,
                     .image_macs = encoder.prompt_macs + projection.prompt_macs});
  }
  return costs;
}

}  // namespace streamdiffusion::session

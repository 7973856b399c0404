#include "session/memory_need.h"

#include <algorithm>
#include <cstdio>
#include <numeric>

#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"
#include "graph/memory_plan.h"
#include "session/controls.h"
#include "session/image_prompts.h"
#include "session/session_options.h"
#include "stream/row_layout.h"

namespace streamdiffusion::session {
namespace {

using base::ErrorCode;

constexpr double kGiB = 1024.0 * 1024 * 1024;
/// Beside weights and values: the program itself, and the code that oneDNN generates.
constexpr std::size_t kProgram = std::size_t{128} << 20U;
/// Share of the weights that the allocator keeps between them while they are packed.
constexpr double kGaps = 0.04;

class Sum {
 public:
  Sum(const backend::Device& device, MemoryNeed& need) : device_(device), need_(need) {}

  /// Adds a graph; its weights to `weights`.
  void add(const graph::Graph& graph, std::size_t& weights) {
    const graph::MemoryPlan plan = graph::plan_memory(graph);
    weights += device_.planned_weight_bytes(graph, plan);
    need_.activations += plan.arena_bytes;
    need_.per_stream += plan.persistent_bytes;
    for (const graph::Op& op : graph.ops) need_.per_stream += graph.kept_bytes(op);
    for (const graph::Weight& weight : graph.weights) {
      std::size_t bytes = sizeof(float);
      for (const std::int64_t dim : weight.dims) bytes *= static_cast<std::size_t>(dim);
      need_.reading = std::max(need_.reading, bytes);
    }
  }

 private:
  const backend::Device& device_;
  MemoryNeed& need_;
};

/// "1.5 GiB", "23 MiB"
std::string readable(std::size_t bytes) {
  const double gib = static_cast<double>(bytes) / kGiB;
  char text[32];
  std::snprintf(text, sizeof text, gib < 1 ? "%.0f MiB" : "%.1f GiB", gib < 1 ? gib * 1024 : gib);
  return text;
}

/// The parts of a need, as a list in words.
std::string parts_of(const MemoryNeed& need) {
  return base::concat(
      "text encoders ", readable(need.text_encoders),
      need.image_encoder > 0 ? ", image encoder " + readable(need.image_encoder) : "", ", UNet ",
      readable(need.unet), ", autoencoder ", readable(need.autoencoder), ", values ",
      readable(need.activations + need.per_stream));
}

/// "704x512", the largest size of the same shape that fits; empty where none does.
std::string fitting_size(const Model& model, const backend::Device& device, tensor::DType dtype,
                         SessionOptions options, std::size_t bytes) {
  constexpr int kGrain = 64;
  constexpr double kSmaller = 0.95;
  const double width = *options.width, height = *options.height;
  const auto side = [](double length) { return static_cast<int>(length) / kGrain * kGrain; };
  for (double scale = 1; side(std::min(width, height) * scale) > 0; scale *= kSmaller) {
    options.width = side(width * scale);
    options.height = side(height * scale);
    if (memory_need(model, device, dtype, options).total() <= bytes)
      return base::concat(*options.width, "x", *options.height);
  }
  return {};
}

}  // namespace

MemoryNeed memory_need(const Model& model, const backend::Device& device, tensor::DType dtype,
                       const SessionOptions& o) {
  MemoryNeed need;
  Sum sum(device, need);
  for (std::size_t i = 0; i < model.text_encoders().size(); ++i)
    sum.add(model.text_graph(i, dtype), need.text_encoders);
  const int steps = o.use_denoising_batch ? static_cast<int>(o.t_index_list.size()) : 1;
  const stream::RowLayout layout{steps, o.frame_buffer_size, *o.cfg_type};
  models::UNetShape shape =
      model.unet_shape(layout.prompt_of_row(), layout.prompts(), *o.height, *o.width, dtype);
  shape.controlnets = enabled_controlnets(o);
  shape.image_prompts = model.image_prompt_shapes(expected_image_counts(o));
  shape.cached = cached_frames(o);
  sum.add(model.unet_graph(shape), need.unet);
  for (const int net : shape.controlnets) {
    sum.add(model.control_graph(net, o.frame_buffer_size, *o.height, *o.width, dtype), need.unet);
  }
  for (const models::ImagePromptShape& image : shape.image_prompts) {
    std::size_t encoder = 0;
    sum.add(model.image_encoder_graph(image.adapter, dtype), encoder);
    sum.add(model.image_projection_graph(image.adapter, dtype), encoder);
    need.image_encoder = std::max(need.image_encoder, encoder);
  }
  if (!o.text_to_image) {
    sum.add(model.encoder_graph(o.frame_buffer_size, *o.height, *o.width, dtype), need.autoencoder);
  }
  sum.add(model.decoder_graph(o.frame_buffer_size, *o.height, *o.width, o.keep_tensors, dtype),
          need.autoencoder);
  return need;
}

std::size_t shared_call_bytes(const Model& model, tensor::DType dtype, const SessionOptions& o,
                              std::span<const int> sizes) {
  const int two = 2 * static_cast<int>(unet_key(o).kv_rows.size());
  const auto first = std::ranges::lower_bound(sizes, two);
  if (first == sizes.end()) return 0;
  std::vector<int> own_prompts(static_cast<std::size_t>(*first));
  std::iota(own_prompts.begin(), own_prompts.end(), 0);
  models::UNetShape shape = model.unet_shape(own_prompts, *first, *o.height, *o.width, dtype);
  shape.controlnets = enabled_controlnets(o);
  shape.image_prompts = model.image_prompt_shapes(expected_image_counts(o));
  const graph::MemoryPlan plan = graph::plan_memory(model.unet_graph(shape));
  const auto seats = std::accumulate(first, sizes.end(), std::size_t{0});
  return (plan.arena_bytes + plan.persistent_bytes) * seats / static_cast<std::size_t>(*first);
}

bool releases_text_encoders(const Model& model, const backend::Device& device, tensor::DType dtype,
                            TextEncoders wanted) {
  if (wanted != TextEncoders::automatic) return wanted == TextEncoders::release;
  const auto available = base::available_memory();
  constexpr double kSpare = 8;  // times the weights: no need to plan any program
  const double weights =
      static_cast<double>(model.parameters()) * static_cast<double>(tensor::size_of(dtype));
  if (!available || kSpare * weights < static_cast<double>(*available)) return false;
  const MemoryNeed need = memory_need(model, device, dtype, with_defaults(model, {}));
  if (need.total() <= *available) return false;
  base::log(
      base::LogLevel::notice,
      base::concat("memory is short: ", readable(need.total()), " needed, ", readable(*available),
                   " available; text encoders are released after each prompt, and read "
                   "again for the next"));
  return true;
}

void require_memory(const Model& model, const backend::Device& device, tensor::DType dtype,
                    bool int8, const SessionOptions& options, std::optional<std::size_t> total) {
  if (!total || !device.in_host_memory()) return;
  const MemoryNeed need = memory_need(model, device, dtype, options);
  const std::size_t weights =
      int8 ? static_cast<std::size_t>(model.parameters()) : need.unet + need.autoencoder;
  if (need.activations + need.per_stream + weights <= *total) return;
  const std::size_t available = std::min(*total, base::available_memory().value_or(*total));
  const std::string size = fitting_size(model, device, dtype, options, available);
  base::fail(ErrorCode::invalid_argument, "a session of ", *options.width, "x", *options.height,
             " needs about ", readable(need.total()), " of memory (", parts_of(need),
             "), this machine has ", readable(*total), ", swap included; ",
             size.empty() ? "no size of this model fits" : size + " fits into what is available");
}

void report_memory(const MemoryNeed& need, std::size_t loaded_weights) {
  constexpr std::size_t kMuch = std::size_t{2} << 30U;
  const std::size_t more = need.total() - std::min(need.total(), loaded_weights);
  const auto available = base::available_memory();
  const std::string text =
      base::concat("this session needs about ", readable(more), " of memory (", parts_of(need),
                   "), available: ", available ? readable(*available) : "unknown");
  if (available && more > *available) {
    base::warn(text, "; it may be killed or become very slow");
  } else if (more > kMuch) {
    base::log(base::LogLevel::notice, text);
  }
}

}  // namespace streamdiffusion::session

namespace streamdiffusion {

std::size_t MemoryNeed::overhead() const {
  const auto gaps = static_cast<std::size_t>(session::kGaps * static_cast<double>(weights()));
  return gaps + session::kProgram;
}

std::size_t MemoryNeed::total() const {
  const std::size_t images = unet + autoencoder + image_encoder + activations + per_stream;
  const std::size_t at_once =
      releases_text_encoders ? std::max(text_encoders, images) : text_encoders + images;
  return at_once + reading + overhead();
}

}  // namespace streamdiffusion

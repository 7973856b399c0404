#include "session/memory_need.h"

#include <algorithm>
#include <cstdio>

#include "base/log.h"
#include "base/memory.h"
#include "graph/memory_plan.h"
#include "session/controls.h"
#include "session/session_options.h"
#include "stream/row_layout.h"

namespace streamdiffusion::session {
namespace {

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

std::string gib(std::size_t bytes) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f GiB", static_cast<double>(bytes) / kGiB);
  return text;
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
  sum.add(model.unet_graph(shape), need.unet);
  for (const int net : shape.controlnets) {
    sum.add(model.control_graph(net, o.frame_buffer_size, *o.height, *o.width, dtype), need.unet);
  }
  if (!o.text_to_image) {
    sum.add(model.encoder_graph(o.frame_buffer_size, *o.height, *o.width, dtype), need.autoencoder);
  }
  sum.add(model.decoder_graph(o.frame_buffer_size, *o.height, *o.width, o.keep_tensors, dtype),
          need.autoencoder);
  return need;
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
  base::log(base::LogLevel::notice,
            base::concat("memory is short: ", gib(need.total()), " needed, ", gib(*available),
                         " available; text encoders are released after each prompt, and read "
                         "again for the next"));
  return true;
}

void report_memory(const MemoryNeed& need, std::size_t loaded_weights) {
  constexpr std::size_t kMuch = std::size_t{2} << 30U;
  const std::size_t more = need.total() - std::min(need.total(), loaded_weights);
  const auto available = base::available_memory();
  const std::string text =
      base::concat("this session needs about ", gib(more), " of memory (text encoders ",
                   gib(need.text_encoders), ", UNet ", gib(need.unet), ", autoencoder ",
                   gib(need.autoencoder), ", values ", gib(need.activations + need.per_stream),
                   "), available: ", available ? gib(*available) : "unknown");
  if (available && more > *available) {
    base::warn(text, "; it may be killed or become very slow");
  } else if (more > kMuch) {
    base::log(base::LogLevel::notice, text);
  }
}

}  // namespace streamdiffusion::session

namespace streamdiffusion {

std::size_t MemoryNeed::total() const {
  const std::size_t images = unet + autoencoder + activations + per_stream;
  const std::size_t at_once =
      releases_text_encoders ? std::max(text_encoders, images) : text_encoders + images;
  const auto gaps = static_cast<std::size_t>(session::kGaps * static_cast<double>(weights()));
  return at_once + gaps + reading + session::kProgram;
}

}  // namespace streamdiffusion

#include "session/executable_cache.h"

#include <algorithm>
#include <cmath>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "session/compile_pause.h"

namespace streamdiffusion::session {
namespace {

constexpr double kSameCost = 4;  // up to this ratio of pixels the cost of a row holds

int pixels_of(const UNetKey& key) {
  return key.width * key.height;
}

/// The living executable under this key, if there is one.
template <typename Key>
SharedExecutable living(std::mutex& mutex,
                        const std::map<Key, std::weak_ptr<backend::Executable>>& executables,
                        const Key& key) {
  const std::lock_guard lock(mutex);
  const auto at = executables.find(key);
  return at == executables.end() ? nullptr : at->second.lock();
}

/// The living executable under this key, or the one `make` gives. `mutex` guards the map alone:
/// others find theirs meanwhile.
template <typename Key, typename Make>
SharedExecutable shared(std::mutex& mutex,
                        std::map<Key, std::weak_ptr<backend::Executable>>& executables,
                        const Key& key, const Make& make) {
  if (SharedExecutable known = living(mutex, executables, key)) return known;
  SharedExecutable made = make();
  const std::lock_guard lock(mutex);
  // Nobody uses those any more; a client that tries all sizes would leave a key of each.
  std::erase_if(executables, [](const auto& entry) { return entry.second.expired(); });
  executables[key] = made;
  return made;
}

/// Seconds of one frame: the best of three after one to warm up, or that one if it is long already.
double measure(backend::Executable& executable, const std::stop_token& stop) {
  constexpr double kLong = 0.5;
  const auto state = executable.make_state();
  const auto seconds = [&] {
    const auto start = base::Clock::now();
    CompilePause pause(stop);
    executable.run(graph::Lifetime::per_frame, *state, &pause);
    return base::seconds_since(start);
  };
  if (const double first = seconds(); first > kLong) return first;
  return std::min({seconds(), seconds(), seconds()});
}

/// A value that depends on both the schedule and the prompt belongs to the prompt's program.
bool reads_schedule(const graph::Graph& graph, const graph::Op& op) {
  return std::any_of(op.inputs.begin(), op.inputs.end(), [&](graph::Value input) {
    return graph.info(input).lifetime == graph::Lifetime::per_schedule;
  });
}

bool prompt_reads_schedule(const graph::Graph& graph) {
  return std::any_of(graph.ops.begin(), graph.ops.end(), [&](const graph::Op& op) {
    return graph.info(op.output).lifetime == graph::Lifetime::per_prompt &&
           reads_schedule(graph, op);
  });
}

}  // namespace

ExecutableCache::ExecutableCache(const Model& model, backend::Device& device, tensor::DType dtype,
                                 const CalibrationTable* calibration, BuildUNet build_unet)
    : model_(model),
      device_(device),
      dtype_(dtype),
      calibration_(calibration),
      build_unet_(build_unet ? std::move(build_unet) : [this](const models::UNetShape& shape) {
        return model_.unet_graph(shape);
      }) {}

SharedExecutable ExecutableCache::text(std::size_t encoder, const std::vector<float>& lora_scales) {
  const std::lock_guard lock(mutex_);
  const Component component = model_.text_encoders()[encoder].component;
  const std::vector<float> scales = model_.effective_lora_scales(component, lora_scales);
  return shared(map_mutex_, texts_, std::pair(encoder, scales), [&]() -> SharedExecutable {
    return device_.compile({model_.text_graph(encoder, dtype_)}, model_.weights(component, scales));
  });
}

SharedExecutable ExecutableCache::encoder(const AutoencoderKey& key, const std::stop_token& stop) {
  const std::lock_guard lock(mutex_);
  require_not(stop);
  return shared(map_mutex_, encoders_, key, [&]() -> SharedExecutable {
    return compile(Component::autoencoder,
                   {model_.encoder_graph(key.frames, key.height, key.width, dtype_)}, stop);
  });
}

SharedExecutable ExecutableCache::decoder(const AutoencoderKey& key, const std::stop_token& stop) {
  const std::lock_guard lock(mutex_);
  require_not(stop);
  return shared(map_mutex_, decoders_, key, [&]() -> SharedExecutable {
    return compile(Component::autoencoder,
                   {model_.decoder_graph(key.frames, key.height, key.width, key.image, dtype_)},
                   stop);
  });
}

SharedExecutable ExecutableCache::control_embedding(int controlnet, const AutoencoderKey& key,
                                                    const std::stop_token& stop) {
  const std::lock_guard lock(mutex_);
  require_not(stop);
  return shared(map_mutex_, control_embeddings_, std::pair(controlnet, key), [&] {
    std::vector<graph::Graph> graphs;
    graphs.push_back(model_.control_graph(controlnet, key.frames, key.height, key.width, dtype_));
    return compile(model_.control_weights(controlnet), std::move(graphs), stop);
  });
}

SharedExecutable ExecutableCache::image_encoder(int adapter, const std::stop_token& stop) {
  const std::lock_guard lock(mutex_);
  return shared(map_mutex_, image_encoders_, adapter, [&] {
    std::vector<graph::Graph> graphs;
    graphs.push_back(model_.image_encoder_graph(adapter, dtype_));
    return compile(model_.image_encoder_weights(adapter), std::move(graphs), stop);
  });
}

SharedExecutable ExecutableCache::image_projection(int adapter, const std::stop_token& stop) {
  const std::lock_guard lock(mutex_);
  return shared(map_mutex_, image_projections_, adapter, [&] {
    std::vector<graph::Graph> graphs;
    graphs.push_back(model_.image_projection_graph(adapter, dtype_));
    return compile(model_.image_projection_weights(adapter), std::move(graphs), stop);
  });
}

SharedExecutable ExecutableCache::unet(const UNetKey& wanted, const std::stop_token& stop) {
  UNetKey key = wanted;
  key.lora_scales = model_.effective_lora_scales(Component::unet, wanted.lora_scales);
  // A session that goes on under prepared LoRA scales does not wait for another one's programs.
  if (SharedExecutable known = living(map_mutex_, unets_, key)) return known;
  const std::lock_guard lock(mutex_);
  require_not(stop);
  return shared(map_mutex_, unets_, key, [&]() -> SharedExecutable {
    if (key.kv_rows.size() < 2 || device_.threads() < 2)
      return compile_unet(key, Parallel::ops, stop);
    if (key.parallel != Parallel::automatic) return compile_unet(key, key.parallel, stop);
    return faster_unet(key, stop);
  });
}

std::size_t ExecutableCache::size() {
  const std::lock_guard lock(map_mutex_);
  return encoders_.size() + decoders_.size() + control_embeddings_.size() + unets_.size();
}

std::optional<double> ExecutableCache::row_cost(const UNetKey& key) const {
  std::optional<double> nearest;
  double least = std::log(kSameCost);
  for (const auto& [pixels, cost] : row_costs_) {
    const double distance = std::abs(std::log(static_cast<double>(pixels) / pixels_of(key)));
    if (distance > least) continue;
    least = distance;
    nearest = cost;
  }
  return nearest;
}

SharedExecutable ExecutableCache::faster_unet(const UNetKey& key, const std::stop_token& stop) {
  const auto rows = static_cast<double>(key.kv_rows.size());
  std::array<SharedExecutable, 2> measured;  // keeps the packed weights for compile_unet()
  if (!row_cost(key)) measured = measure_row_cost(key, stop);
  const double rows_a_thread = std::ceil(rows / device_.threads());
  const bool by_rows = *row_cost(key) * rows_a_thread < rows;
  return compile_unet(key, by_rows ? Parallel::rows : Parallel::ops, stop);
}

std::array<SharedExecutable, 2> ExecutableCache::measure_row_cost(UNetKey key,
                                                                  const std::stop_token& stop) {
  key.kv_rows.resize(std::min(key.kv_rows.size(), static_cast<std::size_t>(device_.threads())));
  const auto rows = static_cast<double>(key.kv_rows.size());
  SharedExecutable by_ops = compile_unet(key, Parallel::ops, stop);
  require_not(stop);
  SharedExecutable by_rows = compile_unet(key, Parallel::rows, stop);
  const double ops_seconds = measure(*by_ops, stop), rows_seconds = measure(*by_rows, stop);
  base::log(base::LogLevel::info,
            base::concat("UNet over ", rows, " rows: ", ops_seconds * 1e3,
                         " ms with every op on all threads, ", rows_seconds * 1e3,
                         " ms with rows on threads of their own"));
  row_costs_[pixels_of(key)] = rows_seconds / (ops_seconds / rows);
  return {std::move(by_ops), std::move(by_rows)};
}

SharedExecutable ExecutableCache::compile_unet(const UNetKey& key, Parallel parallel,
                                               const std::stop_token& stop) {
  const int rows = static_cast<int>(key.kv_rows.size());
  const int groups = parallel == Parallel::rows ? std::min(rows, device_.threads()) : 1;
  const std::vector<models::ImagePromptShape> image_prompts =
      model_.image_prompt_shapes(key.image_counts);
  std::vector<std::string> shared_inputs{"context"};
  for (const models::ImagePromptShape& image : image_prompts) {
    shared_inputs.push_back("image_tokens." + std::to_string(image.adapter));
  }
  std::vector<graph::Graph> graphs;
  for (int group = 0; group < groups; ++group) {
    const auto begin = key.kv_rows.begin() + rows * group / groups,
               end = key.kv_rows.begin() + rows * (group + 1) / groups;
    models::UNetShape shape =
        model_.unet_shape({begin, end}, key.prompts, key.height, key.width, dtype_);
    shape.controlnets = key.controlnets;
    shape.image_prompts = image_prompts;
    shape.cached = key.cached;
    graphs.push_back(build_unet_(shape));
  }
  prompt_reads_schedule_ = session::prompt_reads_schedule(graphs.front());
  return compile(Component::unet, std::move(graphs), stop, shared_inputs, key.lora_scales);
}

SharedExecutable ExecutableCache::compile(Component component, std::vector<graph::Graph> row_groups,
                                          const std::stop_token& stop,
                                          std::span<const std::string> shared_inputs,
                                          std::span<const float> lora_scales) {
  if (calibration_) {
    const bool unet = component == Component::unet;
    for (graph::Graph& group : row_groups)
      graph::quantize(group, unet ? calibration_->unet : calibration_->autoencoder);
  }
  return compile(model_.weights(component, lora_scales), std::move(row_groups), stop,
                 shared_inputs);
}

/// Reading and packing the weights is what takes long, so that is where a stop ends it.
SharedExecutable ExecutableCache::compile(backend::Weights weights,
                                          std::vector<graph::Graph> row_groups,
                                          const std::stop_token& stop,
                                          std::span<const std::string> shared_inputs) {
  weights.read = [stop, read = std::move(weights.read)](const graph::Weight& weight,
                                                        std::span<float> out) {
    require_not(stop);
    read(weight, out);
  };
  return device_.compile(std::move(row_groups), weights, shared_inputs);
}

}  // namespace streamdiffusion::session

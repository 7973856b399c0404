// The executables of one model. Each is compiled when it is first asked for, and shared by every
// session with the same key for as long as one of them uses it.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <tuple>
#include <vector>

#include "backend/backend.h"
#include "session/calibration_table.h"
#include "session/model.h"
#include "streamdiffusion/options.h"

namespace streamdiffusion::session {

/// What the autoencoder is compiled for.
struct AutoencoderKey {
  int frames = 1, height = 512, width = 512;
  /// Whether the decoder also gives unrounded pixels.
  bool image = false;
  auto operator<=>(const AutoencoderKey&) const = default;
};

/// What the UNet is compiled for.
struct UNetKey {
  /// Of the image, in pixels.
  int height = 512, width = 512;
  int prompts = 1;
  /// The prompt of each row.
  std::vector<int> kv_rows;
  Parallel parallel = Parallel::ops;
  /// One a LoRA; empty for none.
  std::vector<float> lora_scales = {};
  /// The ControlNets that act, by their numbers.
  std::vector<int> controlnets = {};
  /// The images of each IP-Adapter.
  std::vector<int> image_counts = {};
  models::CachedFrames cached = {};
  auto operator<=>(const UNetKey&) const = default;
};

/// Records the UNet's graph for a call of this shape.
using BuildUNet = std::function<graph::Graph(const models::UNetShape&)>;

using SharedExecutable = std::shared_ptr<backend::Executable>;

class ExecutableCache {
 public:
  /// `calibration` may be null; otherwise it must outlive this. An empty `build_unet` is the
  /// model's own UNet.
  ExecutableCache(const Model& model, backend::Device& device, tensor::DType dtype,
                  const CalibrationTable* calibration, BuildUNet build_unet = {});

  /// Of the model's text encoder of that number, under these scales of the LoRAs.
  SharedExecutable text(std::size_t encoder, const std::vector<float>& lora_scales = {});
  /// Those below throw busy once `stop` is requested: before they compile, when another thread
  /// that compiles is through, before each weight that they read, and while they measure.
  SharedExecutable encoder(const AutoencoderKey& key, const std::stop_token& stop = {});
  SharedExecutable decoder(const AutoencoderKey& key, const std::stop_token& stop = {});
  /// The embedding of a ControlNet's control images.
  SharedExecutable control_embedding(int controlnet, const AutoencoderKey& key,
                                     const std::stop_token& stop = {});
  /// Of an IP-Adapter's images, and the projection of its features.
  SharedExecutable image_encoder(int adapter, const std::stop_token& stop = {});
  SharedExecutable image_projection(int adapter, const std::stop_token& stop = {});
  /// Parallel::automatic takes the faster way. That follows from the cost of a row on one thread
  /// and on all threads. The cost is measured once for about each size, so that a later change of a
  /// running stream compiles one executable and measures nothing.
  SharedExecutable unet(const UNetKey& key, const std::stop_token& stop = {});
  /// Whether the UNet's program for the prompt reads values of the schedule. False before the first
  /// unet(). The same for every key: only sizes differ.
  bool prompt_reads_schedule() const { return prompt_reads_schedule_; }
  /// Keys that it keeps: of executables in use, and of some that were.
  std::size_t size();

 private:
  SharedExecutable compile_unet(const UNetKey& key, Parallel parallel, const std::stop_token& stop);
  /// Seconds of a row on a thread of its own over those on all threads, if known for about this
  /// size.
  std::optional<double> row_cost(const UNetKey& key) const;
  /// Measures it, on at most as many rows as there are threads. Returns both executables, so that
  /// their packed weights live on.
  std::array<SharedExecutable, 2> measure_row_cost(UNetKey key, const std::stop_token& stop);
  SharedExecutable faster_unet(const UNetKey& key, const std::stop_token& stop);
  SharedExecutable compile(Component component, std::vector<graph::Graph> row_groups,
                           const std::stop_token& stop,
                           std::span<const std::string> shared_inputs = {},
                           std::span<const float> lora_scales = {});
  SharedExecutable compile(backend::Weights weights, std::vector<graph::Graph> row_groups,
                           const std::stop_token& stop,
                           std::span<const std::string> shared_inputs = {});

  const Model& model_;
  backend::Device& device_;
  tensor::DType dtype_;
  const CalibrationTable* calibration_;
  const BuildUNet build_unet_;
  std::atomic<bool> prompt_reads_schedule_ = false;
  /// Held while something is compiled.
  std::mutex mutex_;
  /// Guards the maps of executables. Locked after mutex_.
  std::mutex map_mutex_;
  /// By the number of the text encoder and the scales of the LoRAs.
  std::map<std::pair<std::size_t, std::vector<float>>, std::weak_ptr<backend::Executable>> texts_;
  std::map<AutoencoderKey, std::weak_ptr<backend::Executable>> encoders_, decoders_;
  /// By the number of the ControlNet.
  std::map<std::pair<int, AutoencoderKey>, std::weak_ptr<backend::Executable>> control_embeddings_;
  /// By the number of the IP-Adapter.
  std::map<int, std::weak_ptr<backend::Executable>> image_encoders_, image_projections_;
  std::map<UNetKey, std::weak_ptr<backend::Executable>> unets_;
  /// By pixels.
  std::map<int, double> row_costs_;
};

}  // namespace streamdiffusion::session

// Compiled programs of one model, made when first asked for and shared by every session that has
// the same shape.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <tuple>
#include <vector>

#include "backend/backend.h"
#include "session/model.h"
#include "session/quantization.h"
#include "streamdiffusion/options.h"

namespace streamdiffusion::session {

/// What decides an autoencoder plan.
struct ImagePlan {
  int frames = 1, height = 512, width = 512;
  /// Decoder: unrounded pixels as well.
  bool image = false;
  auto operator<=>(const ImagePlan&) const = default;
};

/// What decides a UNet plan.
struct UNetPlan {
  /// Of the image.
  int height = 512, width = 512;
  int prompts = 1;
  /// Prompt of each row.
  std::vector<int> kv_rows;
  Parallel parallel = Parallel::ops;
  auto operator<=>(const UNetPlan&) const = default;
};

/// Records the UNet's graph for a call of this shape.
using BuildUNet = std::function<graph::Graph(const models::UNetShape&)>;

using SharedExecutable = std::shared_ptr<backend::Executable>;

class Plans {
 public:
  /// `quantization` may be null; otherwise it must outlive this. An empty `build_unet` is the
  /// model's own UNet.
  Plans(const Model& model, backend::Device& device, tensor::DType dtype,
        const Quantization* quantization, BuildUNet build_unet = {});

  SharedExecutable text();
  SharedExecutable encoder(const ImagePlan& plan);
  SharedExecutable decoder(const ImagePlan& plan);
  /// Parallel::automatic takes the way that is faster. It follows from what a row costs on one
  /// thread and on all, which is measured once for all plans of about this size, on no more rows
  /// than there are threads: a change of a running stream compiles one plan and measures nothing.
  SharedExecutable unet(const UNetPlan& plan);
  /// Whether the UNet's program for the prompt reads values of the schedule. False before the first
  /// unet(). The same for every key: only sizes differ.
  bool prompt_reads_schedule() const { return prompt_reads_schedule_; }

 private:
  SharedExecutable compile_unet(const UNetPlan& plan, Parallel parallel);
  /// Seconds of a row on a thread of its own, over those on all threads, at about this size.
  std::optional<double> row_cost(const UNetPlan& plan) const;
  /// Finds it, and returns what it was measured with.
  std::array<SharedExecutable, 2> measure_row_cost(UNetPlan plan);
  SharedExecutable faster_unet(const UNetPlan& plan);
  SharedExecutable compile(Component component, std::vector<graph::Graph> lanes,
                           std::span<const std::string> shared_inputs = {});

  const Model& model_;
  backend::Device& device_;
  tensor::DType dtype_;
  const Quantization* quantization_;
  const BuildUNet build_unet_;
  std::atomic<bool> prompt_reads_schedule_ = false;
  std::mutex mutex_;
  std::weak_ptr<backend::Executable> text_;
  std::map<ImagePlan, std::weak_ptr<backend::Executable>> encoders_, decoders_;
  std::map<UNetPlan, std::weak_ptr<backend::Executable>> unets_;
  /// By pixels.
  std::map<int, double> row_costs_;
};

}  // namespace streamdiffusion::session

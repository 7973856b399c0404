// Which call of a library runs a layer: the one that was kept as the fastest, or the library's best
// guess. With tuning, shapes of which none is kept are timed on the card, once.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>

#include "backend/cuda/layer_timer.h"
#include "backend/cuda/plan_cache.h"

namespace streamdiffusion::backend::cuda {

class LayerCalls {
 public:
  LayerCalls(Runtime& runtime, Libraries& libraries, PlanCache cache, bool tune)
      : runtime_(runtime), libraries_(libraries), cache_(std::move(cache)), tune_(tune) {}

  /// Both throw unsupported if the library has no call for the shape. Thread-safe. With tuning they
  /// use the stream and wait for it: not within a capture.
  std::unique_ptr<LayerCall> convolution(const ConvolutionShape& shape);
  std::unique_ptr<LayerCall> gemm(const GemmShape& shape);

  /// Says how many shapes were timed since the last time, if any.
  void report_tuning();

 private:
  /// A shape, and what the library has for it.
  struct Layer {
    std::string key;
    LayerBytes bytes;
    std::function<std::vector<std::unique_ptr<LayerCall>>(std::size_t most)> propose;
    std::function<std::unique_ptr<LayerCall>(const std::string& text)> restore;
  };
  std::unique_ptr<LayerCall> choose(const Layer& layer);
  std::unique_ptr<LayerCall> kept(const Layer& layer);
  std::unique_ptr<LayerCall> tuned(const Layer& layer);
  void keep(const Layer& layer, const LayerCall& call);
  std::string key_of(const std::string& shape) const;

  Runtime& runtime_;
  Libraries& libraries_;
  const PlanCache cache_;
  const bool tune_;
  std::mutex mutex_;
  /// By key: the text of the call that was kept, if one was.
  std::map<std::string, std::optional<std::string>> known_;
  int timed_ = 0;
  double seconds_ = 0;
};

}  // namespace streamdiffusion::backend::cuda

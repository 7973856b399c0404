// Weights in the card's memory, in the layout and type that kernels and libraries read. Each is
// uploaded once and shared by all executables of a device with the same scope.
#pragma once

#include <map>
#include <mutex>

#include "backend/backend.h"
#include "backend/cuda/runtime.h"

namespace streamdiffusion::backend::cuda {

using DeviceWeight = std::shared_ptr<const DeviceBuffer>;

/// How a tensor lies in memory.
struct WeightLayout {
  enum class Order {
    as_stored,
    /// [out, in, k, k] -> [out, k, k, in].
    channels_last,
    /// A 3x3 weight of an upsample2x convolution, folded (graph/upsample2x.h):
    /// [out, in, 3, 3] -> [in, 4, 4, out], the weight of the transposed convolution.
    transposed,
  };
  Order order = Order::as_stored;
  tensor::DType dtype = tensor::DType::f32;
  /// Input channels, those beyond the tensor's zero. 0: as many as it has.
  std::int64_t in = 0;
};

class WeightStore {
 public:
  explicit WeightStore(Runtime& runtime) : runtime_(runtime) {}

  /// One tensor. It is read through `weights` unless an executable still holds it. Thread-safe.
  /// Throws unsupported for a value that `layout.dtype` does not hold.
  DeviceWeight get(const Weights& weights, const graph::Weight& weight, const WeightLayout& layout);
  /// The sum of two vectors of equal length, as_stored: a bias and an extra bias.
  DeviceWeight get_sum(const Weights& weights, const graph::Weight& a, const graph::Weight& b,
                       tensor::DType dtype);
  /// Several tensors of equal size, as_stored, one right behind the other.
  DeviceWeight get_stack(const Weights& weights, const std::vector<graph::Weight>& parts,
                         tensor::DType dtype);
  /// Bytes that living executables hold.
  std::size_t bytes() const;

 private:
  DeviceWeight find_or_upload(const std::string& key, const std::string& name,
                              const std::function<std::vector<float>()>& make, tensor::DType dtype);

  Runtime& runtime_;
  mutable std::mutex mutex_;
  std::map<std::string, std::weak_ptr<const DeviceBuffer>> tensors_;
};

/// The values of a tensor in another order; see WeightLayout.
std::vector<float> reordered(const std::vector<float>& stored,
                             const std::vector<std::int64_t>& dims, const WeightLayout& layout);

}  // namespace streamdiffusion::backend::cuda

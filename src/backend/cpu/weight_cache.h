// Packed weights, shared by every executable of a device that wants the same tensor in the same
// layout.
#pragma once

#include <dnnl.hpp>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "backend/backend.h"
#include "tensor/buffer.h"

namespace streamdiffusion::backend::cpu {

struct WinogradSize;

using PackedWeight = std::shared_ptr<const tensor::Buffer>;

class WeightCache {
 public:
  /// `count` parts of the tensor, `step` elements from the first of one to that of the next, each
  /// in the layout `packed`, one behind the other; `plain` describes a part in the file's order as
  /// f32. A layout of s8 takes the bytes of row_scales().
  PackedWeight packed(const Weights& source, const graph::Weight& weight,
                      const dnnl::memory::desc& plain, const dnnl::memory::desc& packed,
                      std::size_t count = 1, std::size_t step = 0);
  /// The phases of a doubled convolution's weight (graph/doubled.h), each in the layout `packed` of
  /// [out, in, 2, 2], one behind the other; bytes as above, of all phases together.
  PackedWeight packed_phases(const Weights& source, const graph::Weight& weight,
                             const dnnl::memory::desc& packed);
  /// A 3 x 3 convolution's weight as winograd_weight() has it, each place in the layout `packed` of
  /// f32 [in, out].
  PackedWeight winograd(const Weights& source, const graph::Weight& weight,
                        const WinogradSize& size, const dnnl::memory::desc& packed);
  /// f32 [out]: what a byte of each row of the matrix is worth (graph/quantize.h).
  PackedWeight row_scales(const Weights& source, const graph::Weight& weight, bool doubled = false);
  /// The tensor as it is, in f32.
  PackedWeight plain(const Weights& source, const graph::Weight& weight);
  /// Bytes that living executables hold.
  std::size_t bytes() const;

 private:
  struct Entry {
    dnnl::memory::desc layout;
    std::weak_ptr<const tensor::Buffer> buffer;
  };

  /// `count` tensors, stored `step` bytes apart.
  PackedWeight reordered(const std::string& key, void* values, const dnnl::memory::desc& stored,
                         const dnnl::memory::desc& packed, std::size_t count = 1,
                         std::size_t step = 0);
  PackedWeight keep(const std::string& key, const dnnl::memory::desc& layout, PackedWeight buffer);
  PackedWeight find(const std::string& key, const dnnl::memory::desc& layout) const;

  std::unordered_map<std::string, std::vector<Entry>> entries_;
};

/// The sum of several vectors of one length, as a fixed bias. Null for none.
std::shared_ptr<const tensor::Buffer> sum_of_biases(WeightCache& cache, const Weights& source,
                                                    std::span<const graph::Weight* const> biases);

}  // namespace streamdiffusion::backend::cpu

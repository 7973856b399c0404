// From the values of a weight to the layout that a oneDNN primitive asks for, by way of the cache.
#pragma once

#include <functional>
#include <span>
#include <string>

#include "backend/cpu/kernel.h"
#include "backend/cpu/weight_cache.h"

namespace streamdiffusion::backend::cpu {

/// A weight as a kernel form wants it before it is packed: as it is stored, or transformed.
struct WeightValues {
  /// Names the tensor and the transform in the cache.
  std::string key;
  /// Output channels: rows of the matrix [rows, …] whose values have an int8 scale each.
  std::int64_t rows = 0;
  /// Valid while the kernel is made. The values are, until another weight is read.
  std::function<std::span<const float>()> read;
};

/// Weight `i` of the op as it is stored.
WeightValues stored_values(const KernelContext& context, std::size_t i);

/// Where `count` slices of the values lie: `slice` describes one in f32, the next begins `step`
/// elements behind it.
struct WeightSlices {
  dnnl::memory::desc slice;
  std::size_t count = 1, step = 0;
};

/// Each slice in the layout `packed`, one behind the other. A layout of s8 takes the values in
/// int8, with the scales of row_scales().
PackedWeight pack_weight(WeightCache& cache, const WeightValues& weight, const WeightSlices& slices,
                         const dnnl::memory::desc& packed);
/// f32 [rows]: the scale of each row's int8 values (graph/quantize.h).
PackedWeight row_scales(WeightCache& cache, const WeightValues& weight);

/// Weight `i` of the op in f32, in the order of the file.
PackedWeight plain_weight(const KernelContext& context, std::size_t i);
/// Weight `i` of the op in f16 where that is exact for every value, as in files of that type; else
/// as plain_weight(). Its size tells which.
PackedWeight table_weight(const KernelContext& context, std::size_t i);
/// Weight 0 of the op, a matrix stored [out, in], packed as the W of y = x W.
PackedWeight pack_matrix(const KernelContext& context, std::int64_t in, std::int64_t out,
                         const dnnl::memory::desc& packed);
/// The sum of the op's weights from `first` on, vectors of one length. Null if there are none.
PackedWeight sum_of_biases(const KernelContext& context, std::size_t first);

}  // namespace streamdiffusion::backend::cpu

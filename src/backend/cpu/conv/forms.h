// The forms of conv2d: one algorithm or memory layout each, one file each. make_kernel() takes the
// first of the table in forms.cpp that applies.
#pragma once

#include "backend/cpu/kernel.h"

namespace streamdiffusion::backend::cpu {

struct ConvForm {
  /// As `info` and op_bench show it.
  const char* name;
  /// Whether the form computes this op, on this processor and in this type, and is the faster.
  bool (*applies)(const graph::Conv2d& op, const KernelContext& context);
  std::unique_ptr<Kernel> (*make)(const graph::Conv2d& op, const KernelContext& context);
  /// Elements of the packed weight over those of the weight.
  double weight_factor = 1;
};

/// The form that an op takes.
const ConvForm& form_of(const graph::Conv2d& op, const KernelContext& context);

/// F(4x4, 3x3) and F(2x2, 3x3): winograd.h.
extern const ConvForm kWinograd4x4, kWinograd2x2;
/// Nearest upsampling by two and the 3 x 3 convolution after it as one: upsample2x.cpp.
extern const ConvForm kUpsample2x;
/// From or to at most four channels: few_channel.cpp.
extern const ConvForm kFewChannel;
/// In the nChw8c layout, for AVX2: blocked.cpp.
extern const ConvForm kBlocked;
/// Input channels in slices, for AMX: split_k.cpp.
extern const ConvForm kSplitK;
/// Everything else: direct.cpp.
extern const ConvForm kDirect;

}  // namespace streamdiffusion::backend::cpu

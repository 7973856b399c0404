#include "backend/cpu/conv/forms.h"

#include <algorithm>
#include <array>

namespace streamdiffusion::backend::cpu {
namespace {

/// In the order in which they are asked; the last applies to every op.
constexpr std::array kForms{&kWinograd4x4, &kWinograd2x2, &kUpsample2x, &kFewChannel,
                            &kBlocked,     &kSplitK,      &kDirect};

}  // namespace

std::unique_ptr<Kernel> make_kernel(const graph::Conv2d& op, const KernelContext& context) {
  const auto* form = std::ranges::find_if(
      kForms, [&](const ConvForm* candidate) { return candidate->applies(op, context); });
  return (*form)->make(op, context);
}

}  // namespace streamdiffusion::backend::cpu

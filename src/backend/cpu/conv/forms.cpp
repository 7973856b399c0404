#include "backend/cpu/conv/forms.h"

#include <algorithm>
#include <array>

namespace streamdiffusion::backend::cpu {
namespace {

/// In the order in which they are asked; the last applies to every op.
constexpr std::array kForms{&kWinograd4x4, &kWinograd2x2, &kUpsample2x, &kFewChannel,
                            &kBlocked,     &kSplitK,      &kDirect};

}  // namespace

const ConvForm& form_of(const graph::Conv2d& op, const KernelContext& context) {
  return **std::ranges::find_if(
      kForms, [&](const ConvForm* candidate) { return candidate->applies(op, context); });
}

std::unique_ptr<Kernel> make_kernel(const graph::Conv2d& op, const KernelContext& context) {
  return form_of(op, context).make(op, context);
}

}  // namespace streamdiffusion::backend::cpu

// How close a device must come to the reference.
#pragma once

#include "support/case_run.h"

namespace streamdiffusion::backend::test {

/// Expects outputs of activations of type `dtype` to be close to those of the reference in f32.
void expect_close(const OpCase& op, tensor::DType dtype, const CaseOutputs& found,
                  const CaseOutputs& expected);

}  // namespace streamdiffusion::backend::test

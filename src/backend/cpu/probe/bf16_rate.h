// Whether this processor multiplies bf16 faster than f32.
#pragma once

namespace streamdiffusion::backend::cpu {

/// Measured once in a process, in about 20 ms; known without measuring on AMX and where bf16 is
/// emulated. AMX and AMD's processors have bf16 at twice the f32 rate or more. On a Xeon with
/// AVX512-BF16 but no AMX we measured 0.7 times the f32 rate.
bool bf16_is_faster();

}  // namespace streamdiffusion::backend::cpu

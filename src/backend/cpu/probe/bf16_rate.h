#pragma once

namespace streamdiffusion::backend::cpu {

/// Whether products of bf16 are faster than those of f32, timed once a process (some 20 ms, none on
/// AMX and where bf16 is emulated). AMX and AMD's processors have them at twice the pace or more;
/// Intel's AVX512-BF16 without AMX was met at 0.7 of it.
bool bf16_is_faster();

}  // namespace streamdiffusion::backend::cpu

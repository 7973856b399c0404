// Makes the kernels of a program on several threads: most of their time goes into reading and
// packing weights.
#pragma once

#include <cstddef>
#include <functional>

#include "backend/cpu/onednn/staging.h"

namespace streamdiffusion::backend::cpu {

/// Calls make(i, staging) for every i < count, on the caller's thread and on up to `threads` - 1 of
/// low priority, with one OpenMP thread each. Rethrows what the call with the smallest i threw; no
/// call starts after that. Fewer threads do it if the system refuses one.
void make_kernels(std::size_t count, int threads,
                  const std::function<void(std::size_t i, Staging& staging)>& make);

}  // namespace streamdiffusion::backend::cpu

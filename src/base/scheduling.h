// What threads ask of the system's scheduler. Both are requests: where the system knows nothing of
// them, nothing happens.
#pragma once

namespace streamdiffusion::base {

/// From now on the calling thread gives way to others: for work beside what somebody waits for.
void step_back();

/// From now on the calling thread runs in many short slices instead of few long ones, and in return
/// gets its core back at once when it wakes: for threads that wait for each other often. Linux from
/// 6.12.
void prefer_short_slices();

}  // namespace streamdiffusion::base

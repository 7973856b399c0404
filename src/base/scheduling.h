// What a thread may ask of the kernel's scheduler. Both are requests: a kernel that does not know
// them ignores them, and nothing fails.
#pragma once

namespace streamdiffusion::base {

/// Lowers the calling thread's priority (nice 10), for background work beside a thread that
/// somebody waits for.
void lower_priority();

/// Asks for the shortest time slice (0.1 ms) for the calling thread: it runs in many short slices
/// and in return gets its core back at once when it wakes. For threads that often wait for each
/// other. Linux 6.12 and later.
void set_short_timeslice();

}  // namespace streamdiffusion::base

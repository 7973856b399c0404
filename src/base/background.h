// Threads that work beside the ones that are waited for.
#pragma once

#include <sys/resource.h>
#include <unistd.h>

namespace streamdiffusion::base {

/// From now on the calling thread gives way to others (Linux: nice 10 for this thread alone).
inline void step_back() {
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), 10);
}

}  // namespace streamdiffusion::base

// One OpenMP thread for oneDNN: the threads are the team's (base/thread_team.h).
#pragma once

#include <omp.h>

namespace streamdiffusion::backend::cpu {

/// Sets the caller's number of OpenMP threads to one and back. oneDNN fixes the number of a
/// primitive's threads when the primitive is made.
class OneOpenMpThread {
 public:
  OneOpenMpThread() : before_(omp_get_max_threads()) { omp_set_num_threads(1); }
  ~OneOpenMpThread() { omp_set_num_threads(before_); }
  OneOpenMpThread(const OneOpenMpThread&) = delete;
  OneOpenMpThread& operator=(const OneOpenMpThread&) = delete;

 private:
  int before_;
};

}  // namespace streamdiffusion::backend::cpu

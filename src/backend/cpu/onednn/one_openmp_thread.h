#pragma once

#include <omp.h>

namespace streamdiffusion::backend::cpu {

/// oneDNN fixes the number of threads when a primitive is made: here one, and afterwards as before.
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

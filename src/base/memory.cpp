#include "base/memory.h"

#include <malloc.h>

namespace streamdiffusion::base {

void trim_memory() {
  ::malloc_trim(0);
}

}  // namespace streamdiffusion::base

#include "base/memory.h"

#include <cstdlib>  // defines __GLIBC__

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace streamdiffusion::base {

void trim_memory() {
#ifdef __GLIBC__
  ::malloc_trim(0);
#endif
}

}  // namespace streamdiffusion::base

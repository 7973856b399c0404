#include "session/choose_threads.h"

#include <algorithm>

#include "base/log.h"

namespace streamdiffusion::session {

int choose_threads(int wanted, int usable_cores) {
  return wanted == 0 ? usable_cores : std::min(wanted, usable_cores);
}

void warn_of_threads(int wanted, int usable_cores) {
  if (wanted <= usable_cores) return;
  base::warn("threads is ", wanted, ", but this process may use ", usable_cores,
             usable_cores == 1 ? " core" : " cores", ", so ", usable_cores,
             usable_cores == 1 ? " is used" : " are used");
}

}  // namespace streamdiffusion::session

// How many threads an engine computes with.
#pragma once

namespace streamdiffusion::session {

/// `wanted`, or all cores for 0. At most one for each core: the threads of a program wait for each
/// other after every op, so that one without a core makes all the others wait.
int choose_threads(int wanted, int usable_cores);

/// Says so where that is less than was wanted.
void warn_of_threads(int wanted, int usable_cores);

}  // namespace streamdiffusion::session

// Memory that the allocator keeps after it was freed.
#pragma once

namespace streamdiffusion::base {

/// Gives it back to the system. To be called where much was freed that will not soon be needed
/// again: it takes milliseconds.
void trim_memory();

}  // namespace streamdiffusion::base

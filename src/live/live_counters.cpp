// A library of its own: the server's sessions need it, and nothing else of a live session.
#include "streamdiffusion/live.h"

namespace streamdiffusion {

std::uint64_t LiveCounters::dropped() const {
  return dropped_waiting + dropped_prepared + dropped_undelivered + dropped_paused +
         dropped_stopped;
}

std::uint64_t LiveCounters::in_flight() const {
  return captured - processed - skipped - dropped() - failed;
}

}  // namespace streamdiffusion

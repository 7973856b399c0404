#include "ending.h"

#include <unistd.h>

#include <atomic>

namespace streamdiffusion::webrtc {

[[noreturn]] void end_process(Link& link, std::string_view reason, MessageKind last) {
  static std::atomic<bool> ending{false};
  if (ending.exchange(true)) {
    while (true) ::pause();  // another thread ends it
  }
  link.send(last, reason);
  ::_exit(0);
}

}  // namespace streamdiffusion::webrtc

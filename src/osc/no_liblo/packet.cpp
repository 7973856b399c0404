// Without liblo there is no OSC.
#include "osc/packet.h"

#include "base/error.h"

namespace streamdiffusion::osc {
namespace {

[[noreturn]] void refuse() {
  base::fail(ErrorCode::unsupported, "this program was built without liblo, which OSC needs");
}

}  // namespace

bool available() {
  return false;
}

std::vector<Message> read_packet(std::string_view) {
  refuse();
}

std::string write_packet(const Message&) {
  refuse();
}

}  // namespace streamdiffusion::osc

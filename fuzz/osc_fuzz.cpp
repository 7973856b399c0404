// Datagrams of OSC, and what their messages ask for. What is understood and written again must be
// read as the same.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/error.h"
#include "json/json.h"
#include "osc/packet.h"
#include "osc/request.h"

namespace osc = streamdiffusion::osc;

namespace {

void ask(const osc::Message& message) {
  try {
    const osc::Request request = osc::read_request(message, streamdiffusion::params::parameters());
    streamdiffusion::json::Json::parse(request.change_text(), "change");
  } catch (const streamdiffusion::Error&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const std::string_view datagram(reinterpret_cast<const char*>(data), size);
    for (const osc::Message& message : osc::read_packet(datagram)) {
      const auto again = osc::read_packet(osc::write_packet(message));
      if (again.size() != 1 || again[0].address != message.address) std::abort();
      if (again[0].arguments.size() != message.arguments.size()) std::abort();
      ask(message);
    }
  } catch (const streamdiffusion::Error&) {
  }
  return 0;
}

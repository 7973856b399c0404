// A port that nobody uses now. Another program may take it before the test does; a port chosen
// once and for all is taken as soon as two runs of a test meet.
#pragma once

#include <cstdint>

namespace streamdiffusion::testing {

std::uint16_t free_tcp_port();
std::uint16_t free_udp_port();

}  // namespace streamdiffusion::testing

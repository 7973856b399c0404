// A server whose engine returns the frames that it is given, after 2 ms, for measurements of what
// is around the engine (tools/network). Usage: echo_server HOST PORT STREAMDIFFUSION_WEBRTC
#include <cstdio>
#include <cstdlib>

#include "server/server.h"
#include "support/fake_stream_factory.h"

int main(int count, char** arguments) {
  if (count != 4) {
    std::fprintf(stderr, "usage: echo_server HOST PORT STREAMDIFFUSION_WEBRTC\n");
    return 2;
  }
  streamdiffusion::server::ServerOptions options;
  options.host = arguments[1];
  options.port = static_cast<std::uint16_t>(std::atoi(arguments[2]));
  options.webrtc.program = arguments[3];
  options.insecure = true;
  streamdiffusion::testing::FakeStreamFactory factory;
  streamdiffusion::server::Server server(factory, options);
  std::printf("%s\n", server.address().c_str());
  std::fflush(stdout);
  return server.run(true) ? 0 : 1;
}

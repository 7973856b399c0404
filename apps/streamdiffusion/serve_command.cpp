// `streamdiffusion serve`: the web page and the protocol of docs/protocol.md on a local address.
#include <chrono>
#include <cstdio>

#include "base/clock.h"
#include "base/error.h"
#include "commands.h"
#include "server/engine_stream_factory.h"
#include "server/server.h"
#include "setup.h"

namespace streamdiffusion::app {
namespace {

constexpr const char* kExamples = R"--(Examples:
  streamdiffusion serve
  For a phone in the same network (its camera needs TLS):
    streamdiffusion serve --host 0.0.0.0 --self-signed --token "$(openssl rand -hex 16)"
  Behind a proxy that ends TLS:
    streamdiffusion serve --token TOKEN --allow-origin https://example.org)--";

struct ServeFlags {
  EngineFlags engine;
  SessionFlags session;
  server::ServerOptions options;
  double idle_seconds = 120, drain_seconds = 10;
  std::size_t image_pixels = std::size_t{1} << 24U;

  void add_to(CLI::App& command);

 private:
  void add_address(CLI::App& command);
  void add_limits(CLI::App& command);
};

void ServeFlags::add_address(CLI::App& command) {
  command
      .add_option("--host,--listen", options.host,
                  "Address to listen on; 0.0.0.0 for every network, which asks for --token")
      ->type_name("HOST")
      ->capture_default_str();
  command.add_option("--port", options.port, "Port; 0 takes a free one")->capture_default_str();
  command
      .add_option("--token", options.token,
                  "What everybody must know who uses this server; also from SD_TOKEN")
      ->type_name("TOKEN")
      ->envname("SD_TOKEN");
  command.add_flag("--insecure", options.insecure, "Listen beyond this machine without a token");
  command
      .add_option("--allow-origin", options.allowed_origins,
                  "Pages of this address may use the server, too; * for any")
      ->type_name("URL");
  command.add_option("--cert", options.certificate, "TLS certificate chain, PEM")
      ->type_name("FILE");
  command.add_option("--key", options.key, "Its private key, PEM")->type_name("FILE");
  command.add_flag("--self-signed", options.self_signed,
                   "TLS with a certificate made now; browsers warn once");
}

void ServeFlags::add_limits(CLI::App& command) {
  server::Limits& limits = options.limits;
  command.add_option("--max-sessions", limits.sessions, "Streams at a time; more wait")
      ->capture_default_str()
      ->check(CLI::Range(1, 1024));
  command.add_option("--max-waiting", limits.waiting, "Clients that may wait; more are refused")
      ->capture_default_str()
      ->check(CLI::Range(0, 10000));
  command.add_option("--max-size", limits.side, "Largest width and height a client may ask for")
      ->capture_default_str()
      ->check(CLI::Range(32, 16384));
  command
      .add_option("--max-message-bytes", limits.message_bytes,
                  "Largest message or body a client may send")
      ->capture_default_str()
      ->check(CLI::Range(std::size_t{1024}, std::size_t{1} << 28U));
  command.add_option("--max-pixels", image_pixels, "Largest image a client may send, in pixels")
      ->capture_default_str()
      ->check(CLI::Range(std::size_t{1024}, std::size_t{1} << 27U));
  command
      .add_option("--max-requests", limits.requests_per_second,
                  "HTTP requests a second from one address")
      ->capture_default_str()
      ->check(CLI::Range(0.1, 1e6));
  command
      .add_option("--max-messages", limits.messages_per_second,
                  "WebSocket messages a second from one client")
      ->capture_default_str()
      ->check(CLI::Range(0.1, 1e6));
  command
      .add_option("--idle-timeout", idle_seconds,
                  "Seconds without a message after which a session ends; 0 for never")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 1e6));
  command
      .add_option("--drain-timeout", drain_seconds,
                  "Seconds that sessions have to finish when the server ends")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 3600.0));
}

void ServeFlags::add_to(CLI::App& command) {
  engine.add_to(command);
  session.add_to(command);
  add_address(command);
  add_limits(command);
}

server::Milliseconds milliseconds(double seconds) {
  return server::Milliseconds(static_cast<std::int64_t>(seconds * 1e3));
}

void print_address(const server::Server& server, const server::ServerOptions& options) {
  const bool token = !options.token.empty();
  std::printf("%s%s\n", server.address().c_str(), token ? "/?token=TOKEN" : "");
  if (!server.fingerprint().empty()) {
    std::printf("certificate %s\n", server.fingerprint().c_str());
  }
  if (!server::is_loopback(options.host) && !token) {
    std::printf("without a token: everybody who reaches this address can use it\n");
  }
  std::fflush(stdout);
}

void serve(ServeFlags& flags) {
  const auto start = base::Clock::now();
  flags.options.version = SD_VERSION;
  flags.options.limits.idle = milliseconds(flags.idle_seconds);
  flags.options.limits.drain = milliseconds(flags.drain_seconds);
  flags.options.limits.image_pixels = static_cast<std::int64_t>(flags.image_pixels);
  server::check(flags.options);
  const Engine engine = open_engine(flags.engine);
  const EngineInfo info = engine.info();
  server::EngineStreamFactory factory(engine, live_settings(engine, flags.session));
  server::Server server(factory, flags.options);
  std::fprintf(stderr, "%s  %s on %s  ready in %.2f s\n", info.model.c_str(), info.dtype.c_str(),
               info.device.c_str(), base::seconds_since(start));
  print_address(server, flags.options);
  server.run(true);
  std::fprintf(stderr, "ended\n");
}

}  // namespace

void add_serve_command(CLI::App& program) {
  auto flags = std::make_shared<ServeFlags>();
  CLI::App& command = *program.add_subcommand("serve", "A web page that draws live, and its API");
  flags->add_to(command);
  command.footer(kExamples);
  command.callback([flags] { serve(*flags); });
}

}  // namespace streamdiffusion::app

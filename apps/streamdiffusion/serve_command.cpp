// `streamdiffusion serve`: the web page and the protocol of docs/protocol.md on a local address.
#include <chrono>
#include <cstdio>
#include <memory>

#include "base/clock.h"
#include "base/error.h"
#include "commands.h"
#include "parameter_flags.h"
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
  ParameterFlags parameters;
  server::ServerOptions options;
  double idle_seconds = 120, drain_seconds = 10;

  void add_to(Flags& flags);

 private:
  void add_address(Flags& flags);
  void add_limits(Flags& flags);
};

void ServeFlags::add_address(Flags& flags) {
  flags.group("Address");
  flags.text("--host,--listen", options.host,
             "Address to listen on; 0.0.0.0 for every network, which requires --token",
             {.value = "HOST"});
  flags.integer("--port", options.port, 0, 65535, "Port; 0 for a free one");
  flags.text("--token", options.token, "Secret that every client must send",
             {.value = "TOKEN", .environment = "SD_TOKEN"});
  flags.flag("--insecure", options.insecure, "Listen beyond this machine without a token");
  flags.texts("--allow-origin", options.allowed_origins,
              "Pages of this address may use the server too; * for any", {.value = "URL"});
  flags.text("--cert", options.certificate, "TLS certificate chain, PEM", {.value = "FILE"});
  flags.text("--key", options.key, "Its private key, PEM", {.value = "FILE"});
  flags.flag("--self-signed", options.self_signed,
             "TLS with a certificate made at the start; browsers warn once");
}

void ServeFlags::add_limits(Flags& flags) {
  server::Limits& limits = options.limits;
  flags.group("Limits");
  flags.integer("--max-sessions", limits.sessions, 1, 1024, "Streams at a time; more wait");
  flags.integer("--max-waiting", limits.waiting, 0, 10000,
                "Clients that may wait; more are refused");
  flags.integer("--max-size", limits.side, 32, 16384, "Largest width and height of a stream");
  flags.integer("--max-steps", limits.steps, 1, 50, "Most denoising steps of a stream");
  flags.integer(
      "--max-work", limits.work, 1024, std::int64_t{1} << 40,
      "Most work of a frame: its pixels times the UNet's rows, 2 a step with guidance full");
  flags.integer("--max-message-bytes", limits.message_bytes, 1024, std::int64_t{1} << 28,
                "Largest message or body a client may send");
  flags.integer("--max-pixels", limits.image_pixels, 1024, std::int64_t{1} << 27,
                "Largest image a client may send, in pixels");
  flags.number("--max-requests", limits.requests_per_second, 0.1, 1e6,
               "HTTP requests a second from one address");
  flags.number("--max-messages", limits.messages_per_second, 0.1, 1e6,
               "WebSocket messages a second from one client");
  flags.number("--idle-timeout", idle_seconds, 0, 1e6,
               "Seconds without a message after which a session ends; 0 for never");
  flags.number("--drain-timeout", drain_seconds, 0, 3600,
               "Seconds that sessions have to finish when the server ends");
}

void ServeFlags::add_to(Flags& flags) {
  add_address(flags);
  add_limits(flags);
  parameters.add_engine(flags);
  parameters.add_stream(flags, true);
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
    std::printf("no token: everybody who reaches this address can use it\n");
  }
  std::fflush(stdout);
}

void serve(ServeFlags& flags) {
  const auto start = base::Clock::now();
  flags.options.version = SD_VERSION;
  flags.options.limits.idle = milliseconds(flags.idle_seconds);
  flags.options.limits.drain = milliseconds(flags.drain_seconds);
  server::check(flags.options);
  const params::Settings settings = flags.parameters.parsed();
  const Engine engine = open_engine(settings.engine);
  warn_of_unknown_words(engine, settings.live);
  const EngineInfo info = engine.info();
  server::EngineStreamFactory factory(engine, settings.live);
  server::Server server(factory, flags.options);
  std::fprintf(stderr, "%s  %s on %s  ready in %.2f s\n", info.model.c_str(), info.dtype.c_str(),
               info.device.c_str(), base::seconds_since(start));
  print_address(server, flags.options);
  server.run(true);
  std::fprintf(stderr, "ended\n");
}

}  // namespace

void add_serve_command(CommandLine& program) {
  auto serve_flags = std::make_shared<ServeFlags>();
  Flags flags = program.command("serve", "A web page that generates live, and its API");
  serve_flags->add_to(flags);
  flags.examples(kExamples);
  flags.run([serve_flags] { serve(*serve_flags); });
}

}  // namespace streamdiffusion::app

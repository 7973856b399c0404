// `streamdiffusion serve`: the web page and the protocol of docs/protocol.md on a local address.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <memory>

#include "base/clock.h"
#include "base/error.h"
#include "base/log_limiter.h"
#include "base/open_files.h"
#include "browser.h"
#include "commands.h"
#include "installed_models.h"
#include "osc_stream.h"
#include "parameter_flags.h"
#include "params/limits.h"
#include "server/engine_stream_factory.h"
#include "server/server.h"
#include "server/sessions/admission.h"
#include "service_notify.h"
#include "setup.h"
#include "webrtc_flags.h"

namespace streamdiffusion::app {
namespace {

constexpr const char* kServeExamples = R"--(Examples:
  streamdiffusion serve
  streamdiffusion serve --open
  For a phone in the same network (its camera needs TLS):
    streamdiffusion serve --host 0.0.0.0 --self-signed --token "$(openssl rand -hex 16)"
  Controlled by TouchDesigner or another program that sends OSC:
    streamdiffusion serve --osc 9000
  Every stream draws at least ten images a second; more clients wait:
    streamdiffusion serve --min-fps 10 --max-sessions 64
  Behind a proxy that ends TLS:
    streamdiffusion serve --token TOKEN --allow-origin https://example.org)--";

double seconds(server::Milliseconds duration) {
  return std::chrono::duration<double>(duration).count();
}
server::Milliseconds milliseconds(double seconds) {
  return server::Milliseconds(static_cast<std::int64_t>(seconds * 1e3));
}

struct ServeFlags {
  ParameterFlags parameters;
  server::ServerOptions options;
  osc::PortOptions osc;
  WebRtcFlags webrtc;
  std::string token, token_file;
  bool open = false;
  double idle_seconds = seconds(options.limits.idle);
  double request_seconds = seconds(options.limits.request);
  double lame_duck_seconds = seconds(options.limits.lame_duck);
  double drain_seconds = seconds(options.limits.drain);

  void add_to(Flags& flags);

 private:
  void add_address(Flags& flags);
  void add_limits(Flags& flags);
};

void ServeFlags::add_address(Flags& flags) {
  flags.group("Address");
  flags.text("--host,--listen", options.host,
             "Address to listen on; 0.0.0.0 for every network, which requires --token-file, "
             "SD_TOKEN or --insecure",
             {.value = "HOST"});
  flags.flag("--open", open, "Open the page in the browser, where this machine has a display");
  flags.integer("--port", options.port, 0, 65535, "Port; 0 for a free one");
  flags.text("--token", token,
             "Secret that every client must send; other users of this machine see it among the "
             "processes",
             {.value = "TOKEN", .environment = "SD_TOKEN"});
  flags.text("--token-file", token_file,
             "File with a secret in each line, which may be followed by what its clients may have "
             "together: sessions=N streams, load=SHARE of the device",
             {.value = "FILE"});
  flags.flag("--insecure", options.insecure, "Listen beyond this machine without a token");
  flags.texts("--allow-origin", options.allowed_origins,
              "Pages of this address may use the server too; * for any", {.value = "URL"});
  flags.text("--cert", options.certificate, "TLS certificate chain, PEM; read again at SIGHUP",
             {.value = "FILE"});
  flags.text("--key", options.key, "Its private key, PEM", {.value = "FILE"});
  flags.flag("--self-signed", options.self_signed,
             "TLS with a certificate made at the start; browsers warn once");
}

void ServeFlags::add_limits(Flags& flags) {
  server::Limits& limits = options.limits;
  flags.group("Limits");
  flags.integer("--max-sessions", limits.sessions, 1, 1024, "Streams at a time; more wait");
  flags.number(
      "--min-fps", limits.min_fps, 0, 1000,
      "Images a second that every stream can have: what the device is too slow for, beside "
      "the others, waits or is refused; 0 for no such promise");
  flags.integer("--max-models", limits.models, 1, 64,
                "Models in memory at once, this one among them; sessions can change to installed "
                "ones, 1 for never");
  flags.integer("--max-waiting", limits.waiting, 0, 10000,
                "Clients that may wait; more are refused");
  flags.integer("--max-connections", limits.connections, 1, 100000, "Open connections");
  flags.integer("--max-connections-per-address", limits.connections_per_client, 1, 100000,
                "Open connections of one IPv4 address or one IPv6 network (/64)");
  flags.integer("--max-size", limits.side, 32, params::kMaxSide,
                "Largest width and height of a stream");
  flags.integer("--max-steps", limits.steps, 1, params::kMaxSteps,
                "Most denoising steps of a stream");
  flags.integer(
      "--max-work", limits.work, 1024, std::int64_t{1} << 40,
      "Most work of a frame: its pixels times the UNet's rows, 2 a step with guidance full");
  flags.integer("--max-lora-scales", limits.lora_scale_sets, 1, 1024,
                "Most sets of LoRA scales that streams use at once; each is a copy of the weights "
                "that the LoRAs change");
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
  flags.number("--request-timeout", request_seconds, 0.1, 86400,
               "Seconds that one image for a POST request may take");
  flags.number("--lame-duck", lame_duck_seconds, 0, 86400,
               "Seconds that sessions go on after SIGTERM, while new ones are refused and clients "
               "are told to move to another server");
  flags.number("--drain-timeout", drain_seconds, 0, 3600,
               "Seconds that sessions have after that to finish their frames");
}

void ServeFlags::add_to(Flags& flags) {
  add_address(flags);
  add_limits(flags);
  add_osc_flags(flags, osc);
  webrtc.add_to(flags, options.webrtc);
  parameters.add_engine(flags);
  parameters.add_stream(flags, true);
}

void print_address(const server::Server& server, const server::ServerOptions& options) {
  const bool token = !options.tokens.empty();
  std::printf("%s%s\n", server.address().c_str(), token ? "/?token=TOKEN" : "");
  if (!server.fingerprint().empty()) {
    std::printf("certificate %s\n", server.fingerprint().c_str());
  }
  if (!options.webrtc.program.empty()) std::printf("WebRTC by GStreamer\n");
  if (!server.osc_address().empty()) std::printf("OSC on %s\n", server.osc_address().c_str());
  if (!server::is_loopback(options.host) && !token) {
    std::printf("no token: everybody who reaches this address can use it\n");
  }
  const bool encrypted = options.self_signed || !options.certificate.empty();
  if (!server::is_loopback(options.host) && token && !encrypted) {
    base::warn(
        "the token and all images cross the network unencrypted; use --self-signed or --cert, "
        "or listen on localhost behind a proxy with TLS");
  }
  std::fflush(stdout);
}

/// The address may hold a secret, which would be seen among the processes: then it is not opened.
void show_page(const server::Server& server, const server::ServerOptions& options) {
  if (!has_display()) {
    std::fprintf(stderr, "no display here: open the address above in a browser\n");
  } else if (!options.tokens.empty()) {
    std::fprintf(stderr, "the browser was not opened: the address above needs the token\n");
  } else if (!open_browser(server.address())) {
    std::fprintf(stderr, "the browser was not opened: this machine has no xdg-open\n");
  }
}

/// What new sessions start with must be within what they may ask for.
void check_limits(const SessionOptions& start, const server::Limits& limits) {
  const auto check = [](const char* what, auto found, const char* flag, auto most) {
    base::require(static_cast<std::int64_t>(found) <= most, ErrorCode::invalid_argument,
                  "sessions start with ", what, " ", found, ", more than ", flag, " ", most);
  };
  check("a width of", *start.width, "--max-size", limits.side);
  check("a height of", *start.height, "--max-size", limits.side);
  check("a number of steps of", start.t_index_list.size(), "--max-steps", limits.steps);
}

/// What --min-fps means for this model on this device.
void print_promise(const server::EngineStreamFactory& factory, const server::ServerOptions& o) {
  const double fps = o.limits.min_fps;
  if (fps <= 0) return;
  const auto options = factory.with_defaults(factory.initial_settings().options);
  const double seconds = factory.frame_seconds(options),
               share = server::Admission::share(seconds, fps);
  const std::string frame = base::concat("a frame of what sessions start with takes ",
                                         std::lround(1e4 * seconds) * 0.1, " ms");
  if (share > 1) {
    base::warn("--min-fps ", fps, ": ", frame, ", so the device draws ", 1 / seconds,
               " a second; one such session at a time is let in");
  } else {
    std::fprintf(stderr,
                 "%s: %d such sessions have %g images a second each, if nothing else needs this "
                 "machine; less beside other work\n",
                 frame.c_str(), static_cast<int>(1 / share), fps);
  }
  const auto too_little = [share](const server::Token& token) { return token.load < share; };
  const auto count = std::ranges::count_if(o.tokens, too_little);
  if (count == 0) return;
  base::warn("--token-file: ", count, " of the tokens may take less of the device than the ", share,
             " that a session starts with, so they open none");
}

/// Each connection is an open file, and so is what a model or a stream reads.
void check_open_files(const server::Limits& limits, std::size_t most) {
  const std::size_t used = base::count_open_files(),
                    connections = static_cast<std::size_t>(limits.connections);
  if (most >= used + connections) return;
  base::warn("at most ", most, " files may be open (ulimit -n), and ", used,
             " are: not enough for ", connections, " connections (--max-connections)");
}

/// What clients cause must not fill the log.
void limit_log() {
  const auto limiter = std::make_shared<base::LogLimiter>(print_log);
  base::set_log_callback(
      [limiter](base::LogLevel level, std::string_view message) { limiter->log(level, message); });
}

void serve(ServeFlags& flags) {
  std::signal(SIGHUP, SIG_IGN);  // until the server listens for it
  const auto start = base::Clock::now();
  const std::size_t open_files = base::raise_open_file_limit();
  flags.options.version = SD_VERSION;
  flags.options.limits.idle = milliseconds(flags.idle_seconds);
  flags.options.limits.request = milliseconds(flags.request_seconds);
  flags.options.limits.lame_duck = milliseconds(flags.lame_duck_seconds);
  flags.options.limits.drain = milliseconds(flags.drain_seconds);
  if (!flags.token_file.empty()) {
    base::require(flags.token.empty(), ErrorCode::invalid_argument,
                  "--token (or SD_TOKEN) and --token-file are both given, expected one of them");
    flags.options.tokens = server::read_tokens(flags.token_file);
  } else if (!flags.token.empty()) {
    flags.options.tokens = {{flags.token}};
  }
  server::check(flags.options);
  check_osc(flags.osc);
  flags.options.osc = flags.osc.listen;
  flags.options.osc_reply = flags.osc.reply;
  flags.options.osc_insecure = flags.osc.insecure;
  flags.webrtc.finish(flags.options.webrtc);
  params::Settings settings = flags.parameters.parsed();
  const bool loras = !settings.engine.lora_dict.empty();
  warn_without_effect(
      flags.options.limits.lora_scale_sets != server::Limits().lora_scale_sets && !loras,
      "--max-lora-scales", "without --lora");
  const bool loopback = server::is_loopback(flags.options.host);
  warn_without_effect(flags.options.insecure && !flags.options.tokens.empty(), "--insecure",
                      "with --token: a token is asked for");
  warn_without_effect(flags.options.insecure && flags.options.tokens.empty() && loopback,
                      "--insecure", "on this machine alone; it acts with --host");
  const Engine engine = open_engine(settings);
  warn_of_settings(engine, settings);
  check_limits(engine.with_defaults(settings.live.options), flags.options.limits);
  server::EngineStreamFactory factory(engine, settings.live, flags.options.limits);
  print_promise(factory, flags.options);
  InstalledModels installed(settings.engine, flags.options.limits);
  server::Server server(factory, flags.options, &installed);
  check_open_files(flags.options.limits, open_files);
  limit_log();
  const bool all_ended = server.run(true, [&] {
    print_ready(engine, "", base::seconds_since(start));
    print_address(server, flags.options);
    if (::isatty(STDERR_FILENO) != 0) std::fprintf(stderr, "Ctrl-C ends the server\n");
    if (flags.open) show_page(server, flags.options);
    notify_service_manager("READY=1");
  });
  std::fprintf(stderr, all_ended ? "ended\n" : "ended; streams that did not stop were cut off\n");
  if (!all_ended) ::_exit(0);  // the destructors would wait for them
}

}  // namespace

void add_serve_command(CommandLine& program) {
  auto serve_flags = std::make_shared<ServeFlags>();
  Flags flags = program.command("serve", "A web page that generates live, and its API");
  serve_flags->add_to(flags);
  flags.examples(kServeExamples);
  flags.run([serve_flags] { serve(*serve_flags); });
}

}  // namespace streamdiffusion::app

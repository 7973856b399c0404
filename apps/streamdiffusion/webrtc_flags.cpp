#include "webrtc_flags.h"

#include <array>
#include <filesystem>

#include "base/error.h"
#include "base/log.h"
#include "base/parse_number.h"
#include "json/quote.h"
#include "server/net/child_process.h"
#include "setup.h"

namespace streamdiffusion::app {
namespace {

namespace fs = std::filesystem;
constexpr auto kCheckTime = std::chrono::seconds(10);

/// Beside this program, or where `make install` puts it. Empty if it is nowhere.
std::string find_program() {
  std::error_code ignored;
  const fs::path here = fs::read_symlink("/proc/self/exe", ignored).parent_path();
  for (const char* folder : {"", "../libexec/streamdiffusion", "../lib/streamdiffusion"}) {
    const fs::path program = (here / folder / "streamdiffusion-webrtc").lexically_normal();
    if (fs::exists(program, ignored)) return program.string();
  }
  return {};
}

void read_ports(const std::string& text, webrtc::NetworkOptions& network) {
  if (text.empty()) return;
  const auto dash = text.find('-');
  const auto first = base::parse_number<int>(std::string_view(text).substr(0, dash));
  const auto last = dash == std::string::npos
                        ? first
                        : base::parse_number<int>(std::string_view(text).substr(dash + 1));
  base::require(first && last && *first > 0, ErrorCode::invalid_argument, "--webrtc-ports is ",
                json::quote(text), ", expected FIRST-LAST within 1-65535");
  network.first_port = *first;
  network.last_port = *last;
}

}  // namespace

void WebRtcFlags::add_to(Flags& flags, server::WebRtcOptions& options) {
  flags.group("WebRTC");
  flags.word("--webrtc", use, {"auto", "on", "off"},
             "Video for browsers and WHIP programs over UDP; auto: where it is installed");
  flags.texts("--webrtc-address", options.network.addresses,
              "IP address that its connections use; without it those of --host",
              {.value = "ADDRESS"});
  flags.text("--webrtc-ports", ports, "UDP ports that they use, for a firewall; any by default",
             {.value = "FIRST-LAST"});
  flags.integer("--webrtc-bitrate", kilobits, 100, 100000,
                "Most kbit/s of the video to one client");
  flags.text("--stun", options.network.stun,
             "Server that is asked for this machine's address on the internet; none by default",
             {.value = "stun://HOST:PORT"});
  flags.text("--turn", options.network.turn,
             "Relay for clients that reach this machine in no other way; every client is told its "
             "password",
             {.value = "turn://USER:PASSWORD@HOST:PORT", .environment = "SD_TURN"});
}

void WebRtcFlags::finish(server::WebRtcOptions& options) const {
  webrtc::NetworkOptions& network = options.network;
  read_ports(ports, network);
  network.most_bits = kilobits * 1000;
  webrtc::check(network);
  if (use != "off") options.program = find_program();
  if (use == "on" && options.program.empty()) {
    base::fail(ErrorCode::not_found,
               "--webrtc on: the program streamdiffusion-webrtc is not installed");
  }
  if (!options.program.empty()) {
    const bool works =
        server::ChildProcess(options.program, {"--check"}).succeeds_within(kCheckTime);
    base::require(works || use != "on", ErrorCode::not_found, "--webrtc on: ", options.program,
                  " does not work, see above");
    if (!works) {
      base::warn("there is no WebRTC: ", options.program, " does not work, see above");
      options.program.clear();
    }
  }
  const bool off = options.program.empty();
  const char* why = use == "off" ? "with --webrtc off" : "where WebRTC is not installed";
  warn_without_effect(off && !network.addresses.empty(), "--webrtc-address", why);
  warn_without_effect(off && network.first_port > 0, "--webrtc-ports", why);
  warn_without_effect(off && !network.stun.empty(), "--stun", why);
  warn_without_effect(off && !network.turn.empty(), "--turn", why);
}

}  // namespace streamdiffusion::app

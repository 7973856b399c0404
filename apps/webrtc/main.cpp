// streamdiffusion-webrtc: one WebRTC connection of `streamdiffusion serve`, in a process of its
// own. GStreamer parses there what comes from the network: where it fails, one client loses its
// stream, and it has neither the model nor the other clients' images.
#include <malloc.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <atomic>
#include <cstdio>
#include <exception>
#include <string_view>

#include "base/error.h"
#include "base/printable.h"
#include "ending.h"
#include "gst_pointers.h"
#include "link.h"
#include "peer.h"
#include "plugins.h"

namespace streamdiffusion::webrtc {
namespace {

/// Where the server puts the socket.
constexpr int kSocket = 3;

constexpr const char* kHelp =
    "streamdiffusion-webrtc " SD_VERSION
    "\n\n"
    "One WebRTC connection. `streamdiffusion serve` starts this program for each client that "
    "makes\n"
    "one; it is of no use alone. --check says whether GStreamer has what it needs.\n\n"
    "Example:\n"
    "  streamdiffusion-webrtc --check\n";

bool is_socket(int descriptor) {
  int type = 0;
  socklen_t size = sizeof type;
  return ::getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM;
}

/// Nothing that this process runs may gain rights, and no image of a client is left in a core file.
void restrict_process() {
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  // Each thread's own arena would keep what it once needed.
  ::mallopt(M_ARENA_MAX, 2);
}

/// What a client makes GStreamer say must not fill the log.
void log_a_few(const char* domain, GLogLevelFlags level, const char* message, gpointer) {
  constexpr int most = 10;
  if ((level & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_WARNING)) == 0) return;
  static std::atomic<int> count{0};
  const int number = ++count;
  if (number > most + 1) return;
  const std::string said = base::printable(message == nullptr ? "" : message);
  std::fprintf(stderr, "streamdiffusion-webrtc: %s: %s\n", domain == nullptr ? "" : domain,
               number > most ? "further messages of this connection are left out" : said.c_str());
}

[[noreturn]] void run(Link& link) {
  g_log_set_default_handler(log_a_few, nullptr);
  try {
    const auto first = link.receive();
    base::require(first && first->kind == MessageKind::open, ErrorCode::invalid_argument,
                  "the server said nothing");
    load_plugins();
    auto* peer = new Peer(read_peer_options(first->body), link);
    link.send(MessageKind::answer, peer->answer());
    while (const auto message = link.receive()) {
      if (message->kind == MessageKind::text) peer->send_text(message->body);
      if (message->kind == MessageKind::image) peer->send_image(message->body);
      if (message->kind == MessageKind::ping) link.send(MessageKind::pong);
      if (message->kind == MessageKind::close) peer->close();
    }
    peer->close();  // the server is gone
  } catch (const Error& error) {
    const bool client =
        error.code() == ErrorCode::invalid_argument || error.code() == ErrorCode::unsupported;
    end_process(link, error.what(), client ? MessageKind::refused : MessageKind::failed);
  } catch (const std::exception& error) {
    end_process(link, base::words_of(error));
  }
}

int check_installation() {
  try {
    load_plugins();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "streamdiffusion-webrtc: %s\n",
                 base::printable_lines(base::words_of(error)).c_str());
    return 1;
  }
  const Ref<char> version(gst_version_string());
  std::printf("%s has what WebRTC needs\n", version.get());
  return 0;
}

int start(int count, char** arguments) {
  const std::string_view argument = count == 2 ? arguments[1] : "";
  if (argument == "--check") return check_installation();
  if (argument == "--version") return std::puts("streamdiffusion-webrtc " SD_VERSION) < 0;
  if (argument == "--help") return std::fputs(kHelp, stdout) < 0;
  if (argument != "--connection" || !is_socket(kSocket)) {
    std::fputs(kHelp, stderr);
    return 2;
  }
  restrict_process();
  Link link(kSocket);
  run(link);
}

}  // namespace
}  // namespace streamdiffusion::webrtc

int main(int count, char** arguments) {
  return streamdiffusion::webrtc::start(count, arguments);
}

// The desktop's portal for screens, org.freedesktop.portal.ScreenCast: the user chooses in a dialog
// of the desktop what this program may see, and the portal gives the node of PipeWire that shows
// it (https://flatpak.github.io/xdg-desktop-portal).
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "media/pipewire/session_bus.h"

namespace streamdiffusion::media {

/// Used by one thread at a time. What it shares ends with it.
class ScreenCast {
 public:
  struct Node {
    /// A connection to PipeWire that sees this node alone; the caller's to close.
    int descriptor = -1;
    std::uint32_t id = 0;
  };

  /// `name` is what messages call the source; `timeout` is the longest that the portal, not its
  /// user, may take, in seconds. Throws io where no session bus runs or `stop` is set, and
  /// unsupported where the desktop has no portal for screens.
  ScreenCast(std::string name, StopFlag stop, double timeout);

  /// Waits for the user's choice, or uses the one of last time if the desktop still grants it;
  /// `anew` always asks. Throws io where the user refuses, the portal fails or ends, or `stop` is
  /// set.
  Node start(bool anew);

  /// Whether the user or the desktop has ended the sharing. Does not wait. Throws io where the
  /// session bus has ended.
  bool ended();

 private:
  /// What a request of the portal came to.
  struct Response {
    std::uint32_t code = 0;
    /// Null for an answer of another kind than the portal's documentation says.
    GVariantPtr results;
  };

  void find_portal();
  void read_properties();
  void create_session();
  void select_sources(bool anew);
  Node share();
  int open_remote();
  /// Who answers a request: the portal alone, or its user too, who may take any time.
  enum class Who { portal, user };
  GVariantPtr ask(const char* method, Who who, GVariant* arguments);
  [[noreturn]] void refuse(const char* method, std::uint32_t code) const;
  std::string next_token();
  BusMethod method(const char* interface, const char* name) const;

  const std::string name_;
  const double timeout_;
  SessionBus bus_;
  /// The portal's own name on the bus.
  std::string owner_;
  std::string session_;
  std::map<std::string, Response> responses_;
  std::uint32_t version_ = 0, source_types_ = 0, cursor_modes_ = 0;
  int requests_ = 0;
  bool closed_ = false, portal_gone_ = false;
};

}  // namespace streamdiffusion::media

// Opens an address in the user's browser.
#pragma once

#include <string>

namespace streamdiffusion::app {

/// Whether this process can reach a display (X11 or Wayland).
bool has_display();

/// Starts `xdg-open` with the address, and does not wait for it. Returns false where there is none.
bool open_browser(const std::string& address);

}  // namespace streamdiffusion::app

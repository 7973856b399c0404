#include "plugins.h"

#include <array>
#include <cstdlib>
#include <string>

#include "base/error.h"
#include "gst_pointers.h"

namespace streamdiffusion::webrtc {
namespace {

struct Plugin {
  const char *name, *package;
  bool required = true;
};

constexpr std::array kPlugins{
    Plugin{"coreelements", "libgstreamer1.0-0"},
    Plugin{"app", "gstreamer1.0-plugins-base"},
    Plugin{"vpx", "gstreamer1.0-plugins-good"},
    Plugin{"rtp", "gstreamer1.0-plugins-good"},
    Plugin{"rtpmanager", "gstreamer1.0-plugins-good"},
    Plugin{"srtp", "gstreamer1.0-plugins-bad"},
    Plugin{"dtls", "gstreamer1.0-plugins-bad"},
    Plugin{"sctp", "gstreamer1.0-plugins-bad"},
    Plugin{"webrtc", "gstreamer1.0-plugins-bad"},
    Plugin{"nice", "gstreamer1.0-nice"},
    // H.264, which OBS sends
    Plugin{"openh264", "gstreamer1.0-plugins-bad", false},
    Plugin{"videoparsersbad", "gstreamer1.0-plugins-bad", false},
};

}  // namespace

void load_plugins() {
  ::setenv("GST_PLUGIN_SYSTEM_PATH_1_0", "", 1);
  ::setenv("GST_REGISTRY_UPDATE", "no", 1);
  ::setenv("GST_REGISTRY_1_0", "/nonexistent/registry", 1);
  GError* failed = nullptr;
  if (gst_init_check(nullptr, nullptr, &failed) == 0) {
    const Ref<GError> error(failed);
    base::fail(ErrorCode::internal, "GStreamer: ", error ? error->message : "no reason given");
  }
  for (const Plugin& plugin : kPlugins) {
    const std::string file = std::string(SD_GSTREAMER_PLUGINS) + "/libgst" + plugin.name + ".so";
    GError* problem = nullptr;
    GstPlugin* loaded = gst_plugin_load_file(file.c_str(), &problem);
    const Ref<GError> error(problem);
    base::require(loaded != nullptr || !plugin.required, ErrorCode::not_found,
                  "WebRTC needs GStreamer's plugin ", plugin.name, " (Debian: ", plugin.package,
                  "): ", error ? error->message : "it cannot be loaded");
    if (loaded != nullptr) gst_object_unref(loaded);
  }
}

}  // namespace streamdiffusion::webrtc

// GStreamer is started once, with the plugin of this build.
#include <gst/gst.h>
#include <gtest/gtest.h>

#include <cstdlib>

/// GLib leaves its old table of quarks behind when it grows (g_quark_new), for readers without a
/// lock. The stacks of such leaks end at g_malloc. The sanitizer's library finds this function only
/// if it is exported.
extern "C" __attribute__((visibility("default"))) const char*
__lsan_default_suppressions() {  // NOLINT: the sanitizer's name
  return "leak:g_malloc";
}

int main(int argc, char** argv) {
  ::setenv("STREAMDIFFUSION_MODELS", SD_SOURCE_DIR "/models", 0);
  gst_init(&argc, &argv);
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}

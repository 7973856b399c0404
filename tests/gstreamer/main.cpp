// GStreamer is started once, with the plugin of this build.
#include <gst/gst.h>
#include <gtest/gtest.h>

#include <cstdlib>

/// GLib leaves its old table of quarks behind when it grows (g_quark_new), for readers without a
/// lock. The stacks of such leaks end at g_malloc. Fontconfig is loaded by plugins of the system,
/// and keeps what its thread has made. The sanitizer's library finds this function only if it is
/// exported.
extern "C" __attribute__((visibility("default"))) const char*
__lsan_default_suppressions() {  // NOLINT: the sanitizer's name
  return "leak:g_malloc\nleak:libfontconfig";
}

// Absent without a sanitizer.
extern "C" __attribute__((weak)) void __lsan_disable();
extern "C" __attribute__((weak)) void __lsan_enable();

/// Where there is no registry yet, all plugins of the system are loaded once. What the libraries of
/// some leave behind is not ours.
void start_gstreamer(int* argc, char*** argv) {
  if (__lsan_disable != nullptr) __lsan_disable();
  gst_init(argc, argv);
  if (__lsan_enable != nullptr) __lsan_enable();
}

int main(int argc, char** argv) {
  ::setenv("STREAMDIFFUSION_MODELS", SD_SOURCE_DIR "/models", 0);
  start_gstreamer(&argc, &argv);
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}

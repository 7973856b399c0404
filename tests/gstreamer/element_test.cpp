// The element alone, in GStreamer's harness.
#include <gmock/gmock.h>
#include <gst/check/gstharness.h>
#include <gst/video/video.h>
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <vector>

#include "support/wait.h"

namespace streamdiffusion::testing {
namespace {

using ::testing::HasSubstr;

constexpr GstClockTime kFrame = 40 * GST_MSECOND;

/// The element with small images, and what it posts.
class Element : public ::testing::Test {
 protected:
  void SetUp() override {
    harness_ = gst_harness_new("streamdiffusion");
    ASSERT_NE(harness_, nullptr) << "the plugin is not found; GST_PLUGIN_PATH names its folder";
    gst_harness_set_live(harness_, FALSE);
    bus_ = gst_bus_new();
    gst_element_set_bus(harness_->element, bus_);
    g_object_set(harness_->element, "width", gint64{64}, "height", gint64{64}, "t-index-list",
                 "20,35", "threads", gint64{1}, nullptr);
  }
  void TearDown() override {
    if (harness_ != nullptr) gst_harness_teardown(harness_);
    gst_clear_object(&bus_);
  }

  void start(const std::string& format = "RGB", int width = 80, int height = 48) {
    caps_ = "video/x-raw,format=" + format + ",width=" + std::to_string(width) +
            ",height=" + std::to_string(height) + ",framerate=25/1";
    gst_harness_set_src_caps_str(harness_, caps_.c_str());
  }
  GstFlowReturn push(int number) {
    GstVideoInfo info;
    GstCaps* caps = gst_caps_from_string(caps_.c_str());
    gst_video_info_from_caps(&info, caps);
    gst_caps_unref(caps);
    GstBuffer* buffer = gst_buffer_new_allocate(nullptr, info.size, nullptr);
    gst_buffer_memset(buffer, 0, static_cast<guint8>(50 + 10 * number), info.size);
    GST_BUFFER_PTS(buffer) = static_cast<GstClockTime>(number) * kFrame;
    GST_BUFFER_DURATION(buffer) = kFrame;
    return gst_harness_push(harness_, buffer);
  }
  void push_eos() { gst_harness_push_event(harness_, gst_event_new_eos()); }
  /// The numbers of all frames that come until the end.
  std::vector<int> numbers() {
    std::vector<int> found;
    while (GstBuffer* buffer = gst_harness_try_pull(harness_)) found.push_back(number_of(buffer));
    return found;
  }
  int number_of(GstBuffer* buffer) {
    EXPECT_EQ(GST_BUFFER_DURATION(buffer), kFrame);
    const int number = static_cast<int>(GST_BUFFER_PTS(buffer) / kFrame);
    gst_buffer_unref(buffer);
    return number;
  }
  /// Waits for the end of the stream.
  bool ended() {
    while (GstEvent* event = gst_harness_pull_event(harness_)) {
      const bool end = GST_EVENT_TYPE(event) == GST_EVENT_EOS;
      gst_event_unref(event);
      if (end) return true;
    }
    return false;
  }
  /// The text of the next warning.
  std::string warning() { return text_of(GST_MESSAGE_WARNING); }
  std::string text_of(GstMessageType type) {
    GstMessage* message = gst_bus_timed_pop_filtered(bus_, 30 * GST_SECOND, type);
    if (message == nullptr) return "none";
    GError* error = nullptr;
    const auto parse =
        type == GST_MESSAGE_ERROR ? gst_message_parse_error : gst_message_parse_warning;
    parse(message, &error, nullptr);
    std::string text = error->message;
    g_error_free(error);
    gst_message_unref(message);
    return text;
  }
  int count(GstMessageType type) {
    int found = 0;
    while (GstMessage* message = gst_bus_pop_filtered(bus_, type)) {
      ++found;
      gst_message_unref(message);
    }
    return found;
  }

  GstHarness* harness_ = nullptr;
  GstBus* bus_ = nullptr;
  std::string caps_;
};

const std::vector<int> kSeven{0, 1, 2, 3, 4, 5, 6};

TEST_F(Element, EveryFrameComesWithItsTimesAndTheEndWaitsForThem) {
  start();
  for (int i = 0; i < 7; ++i) ASSERT_EQ(push(i), GST_FLOW_OK);
  push_eos();
  ASSERT_TRUE(ended());
  EXPECT_EQ(numbers(), kSeven);
}

TEST_F(Element, ImagesHaveTheModelsSizeAndTheInputsFormat) {
  g_object_set(harness_->element, "t-index-list", "35", nullptr);
  int number = 0;
  for (const char* format :
       {"RGB", "BGR", "RGBx", "BGRx", "RGBA", "BGRA", "ARGB", "NV12", "I420"}) {
    start(format);
    ASSERT_EQ(push(number), GST_FLOW_OK) << format;
    GstBuffer* buffer = gst_harness_pull(harness_);
    GstCaps* caps = gst_pad_get_current_caps(harness_->sinkpad);
    GstVideoInfo info;
    ASSERT_TRUE(gst_video_info_from_caps(&info, caps));
    gst_caps_unref(caps);
    EXPECT_STREQ(gst_video_format_to_string(GST_VIDEO_INFO_FORMAT(&info)), format);
    EXPECT_EQ(GST_VIDEO_INFO_WIDTH(&info), 64);
    EXPECT_EQ(GST_VIDEO_INFO_HEIGHT(&info), 64);
    EXPECT_EQ(GST_VIDEO_INFO_FPS_N(&info), 25);
    EXPECT_EQ(gst_buffer_get_size(buffer), info.size) << format;
    EXPECT_EQ(number_of(buffer), number++);
  }
}

TEST_F(Element, TheInputMayChangeItsSize) {
  start("RGB", 80, 48);
  ASSERT_EQ(push(0), GST_FLOW_OK);
  start("NV12", 33, 31);
  ASSERT_EQ(push(1), GST_FLOW_OK);
  push_eos();
  ASSERT_TRUE(ended());
  EXPECT_EQ(numbers(), (std::vector<int>{0, 1}));
}

TEST_F(Element, AFlushForgetsWhatIsOnItsWay) {
  start();
  for (int i = 0; i < 3; ++i) ASSERT_EQ(push(i), GST_FLOW_OK);
  ASSERT_TRUE(gst_harness_push_event(harness_, gst_event_new_flush_start()));
  EXPECT_EQ(push(3), GST_FLOW_FLUSHING);
  ASSERT_TRUE(gst_harness_push_event(harness_, gst_event_new_flush_stop(TRUE)));
  numbers();
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  gst_harness_push_event(harness_, gst_event_new_segment(&segment));
  for (int i = 10; i < 13; ++i) ASSERT_EQ(push(i), GST_FLOW_OK);
  push_eos();
  ASSERT_TRUE(ended());
  EXPECT_EQ(numbers(), (std::vector<int>{10, 11, 12}));
}

/// As a splitter of files has enough of one segment and takes the next.
TEST_F(Element, APeerThatHasEnoughGetsTheNextSegment) {
  static std::atomic<bool> enough;
  static GstPadChainFunction take;
  enough = true;
  take = GST_PAD_CHAINFUNC(harness_->sinkpad);
  gst_pad_set_chain_function(
      harness_->sinkpad, +[](GstPad* pad, GstObject* parent, GstBuffer* buffer) {
        if (!enough) return take(pad, parent, buffer);
        gst_buffer_unref(buffer);
        return GST_FLOW_EOS;
      });
  start();
  EXPECT_TRUE(wait_until("a frame that is refused", [&] { return push(0) == GST_FLOW_EOS; }));
  EXPECT_EQ(push(0), GST_FLOW_EOS);
  enough = false;
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  ASSERT_TRUE(gst_harness_push_event(harness_, gst_event_new_segment(&segment)));
  for (int i = 10; i < 13; ++i) ASSERT_EQ(push(i), GST_FLOW_OK);
  push_eos();
  ASSERT_TRUE(ended());
  EXPECT_EQ(numbers(), (std::vector<int>{10, 11, 12}));
}

/// A seek may come while the peer still has the frame before the new caps.
TEST_F(Element, AFlushForgetsNoCaps) {
  g_object_set(harness_->element, "t-index-list", "35", nullptr);
  start();
  ASSERT_EQ(push(0), GST_FLOW_OK);
  gst_buffer_unref(gst_harness_pull(harness_));
  GstPad* source = gst_element_get_static_pad(harness_->element, "src");
  std::atomic<bool> blocked = false;
  const auto block = [](GstPad*, GstPadProbeInfo*, gpointer seen) {
    *static_cast<std::atomic<bool>*>(seen) = true;
    return GST_PAD_PROBE_OK;
  };
  const gulong probe = gst_pad_add_probe(
      source, static_cast<GstPadProbeType>(GST_PAD_PROBE_TYPE_BLOCK | GST_PAD_PROBE_TYPE_BUFFER),
      block, &blocked, nullptr);
  ASSERT_EQ(push(1), GST_FLOW_OK);
  ASSERT_TRUE(wait_until("a frame that the peer does not take", [&] { return blocked.load(); }));
  GstCaps* caps = gst_caps_from_string("video/x-raw,format=BGR,width=80,height=48,framerate=50/1");
  gst_harness_push_event(harness_, gst_event_new_caps(caps));
  gst_caps_unref(caps);
  gst_harness_push_event(harness_,
                         gst_event_new_tag(gst_tag_list_new(GST_TAG_TITLE, "walk", nullptr)));
  ASSERT_TRUE(gst_harness_push_event(harness_, gst_event_new_flush_start()));
  gst_pad_remove_probe(source, probe);
  ASSERT_TRUE(gst_harness_push_event(harness_, gst_event_new_flush_stop(TRUE)));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  ASSERT_TRUE(gst_harness_push_event(harness_, gst_event_new_segment(&segment)));
  ASSERT_EQ(push(2), GST_FLOW_OK);
  gst_buffer_unref(gst_harness_pull(harness_));
  caps = gst_pad_get_current_caps(harness_->sinkpad);
  GstVideoInfo info;
  ASSERT_TRUE(gst_video_info_from_caps(&info, caps));
  gst_caps_unref(caps);
  EXPECT_EQ(GST_VIDEO_INFO_FPS_N(&info), 50);
  EXPECT_EQ(GST_VIDEO_INFO_FORMAT(&info), GST_VIDEO_FORMAT_BGR);
  GstEvent* tags = gst_pad_get_sticky_event(harness_->sinkpad, GST_EVENT_TAG, 0);
  EXPECT_NE(tags, nullptr);
  gst_clear_event(&tags);
  gst_object_unref(source);
}

TEST_F(Element, InRealTimeEachFrameIsAnImageOrADropThatIsTold) {
  gst_util_set_object_arg(G_OBJECT(harness_->element), "policy", "realtime");
  start();
  for (int i = 0; i < 30; ++i) ASSERT_EQ(push(i), GST_FLOW_OK);
  push_eos();
  ASSERT_TRUE(ended());
  const auto found = numbers();
  EXPECT_TRUE(std::is_sorted(found.begin(), found.end()));
  const int dropped = count(GST_MESSAGE_QOS);
  EXPECT_GT(dropped, 0) << "frames came at once";
  EXPECT_EQ(static_cast<int>(found.size()) + dropped, 30);
}

TEST_F(Element, AnswersForItsLatency) {
  gst_harness_set_live(harness_, TRUE);
  gst_harness_set_upstream_latency(harness_, 10 * GST_MSECOND);
  start();
  for (int i = 0; i < 7; ++i) ASSERT_EQ(push(i), GST_FLOW_OK);
  EXPECT_GE(gst_harness_query_latency(harness_), 10 * GST_MSECOND + 3 * kFrame)
      << "two steps, and one frame that waits";
  push_eos();
  ASSERT_TRUE(ended());
  EXPECT_GT(count(GST_MESSAGE_LATENCY), 0);
}

TEST_F(Element, ParametersChangeWhileItPlays) {
  start();
  ASSERT_EQ(push(0), GST_FLOW_OK);
  g_object_set(harness_->element, "seed", gint64{77}, "guidance-scale", 1.5, "prompt", "red apple",
               nullptr);
  ASSERT_EQ(push(1), GST_FLOW_OK);
  gint64 seed = 0;
  double guidance = 0;
  gchar *prompt = nullptr, *steps = nullptr;
  g_object_get(harness_->element, "seed", &seed, "guidance-scale", &guidance, "prompt", &prompt,
               "t-index-list", &steps, nullptr);
  EXPECT_EQ(seed, 77);
  EXPECT_EQ(guidance, 1.5);
  EXPECT_STREQ(prompt, "red apple");
  EXPECT_STREQ(steps, "20,35");
  g_free(prompt);
  g_free(steps);
}

TEST_F(Element, AnotherSizeWhileItPlaysChangesTheCaps) {
  start();
  ASSERT_EQ(push(0), GST_FLOW_OK);
  g_object_set(harness_->element, "width", gint64{96}, nullptr);
  int width = 64;
  for (int i = 1; i < 3000 && width == 64; ++i) {
    ASSERT_EQ(push(i), GST_FLOW_OK);
    number_of(gst_harness_pull(harness_));
    GstCaps* caps = gst_pad_get_current_caps(harness_->sinkpad);
    gst_structure_get_int(gst_caps_get_structure(caps, 0), "width", &width);
    gst_caps_unref(caps);
  }
  EXPECT_EQ(width, 96);
}

TEST_F(Element, WhatIsRefusedIsWarnedOfAndNotKept) {
  start();
  ASSERT_EQ(push(0), GST_FLOW_OK);
  g_object_set(harness_->element, "t-index-list", "45,20", nullptr);
  EXPECT_THAT(warning(), HasSubstr("t_index_list"));
  g_object_set(harness_->element, "t-index-list", "20,", nullptr);
  EXPECT_THAT(warning(), HasSubstr("t-index-list"));
  g_object_set(harness_->element, "cfg-type", "some", nullptr);
  EXPECT_THAT(warning(), HasSubstr("expected"));
  gchar* steps = nullptr;
  g_object_get(harness_->element, "t-index-list", &steps, nullptr);
  EXPECT_STREQ(steps, "20,35");
  g_free(steps);
}

/// Of gst-launch-1.0, where nobody hears a warning before the pipeline is there.
TEST_F(Element, WhatCannotBeReadBeforeTheStartIsTheErrorOfTheStart) {
  GstElement* element = gst_element_factory_make("streamdiffusion", nullptr);
  gst_element_set_bus(element, bus_);
  for (const char* name : {"t-index-list", "prompt-list", "seed-list", "image-prompts", "lora-dict",
                           "controlnets", "control-settings", "ipadapters"}) {
    g_object_set(element, name, "abc", nullptr);
    EXPECT_EQ(gst_element_set_state(element, GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE) << name;
    EXPECT_THAT(text_of(GST_MESSAGE_ERROR), HasSubstr(name));
    gst_element_set_state(element, GST_STATE_NULL);
    g_object_set(element, name, nullptr, nullptr);
  }
  EXPECT_EQ(gst_element_set_state(element, GST_STATE_PAUSED), GST_STATE_CHANGE_SUCCESS);
  gst_element_set_state(element, GST_STATE_NULL);
  gst_object_unref(element);
}

TEST_F(Element, ADefaultThatIsTheModelsSaysSo) {
  GObjectClass* object_class = G_OBJECT_GET_CLASS(harness_->element);
  for (const auto& [name, models] : {std::pair("width", true), {"height", true}, {"seed", false}}) {
    GParamSpec* spec = g_object_class_find_property(object_class, name);
    const bool says = std::string(g_param_spec_get_blurb(spec)).find("model") != std::string::npos;
    EXPECT_EQ(says, models) << name << ": " << g_param_spec_get_blurb(spec);
  }
}

TEST_F(Element, EveryParameterOfAStreamIsAProperty) {
  GObjectClass* object_class = G_OBJECT_GET_CLASS(harness_->element);
  for (const char* name : {"model", "device", "dtype", "threads", "prompt", "negative-prompt",
                           "prompt-list", "seed", "guidance-scale", "delta", "t-index-list",
                           "strength", "width", "height", "fit", "policy"}) {
    EXPECT_NE(g_object_class_find_property(object_class, name), nullptr) << name;
  }
  GParamSpec* delta = g_object_class_find_property(object_class, "delta");
  EXPECT_TRUE(delta->flags & GST_PARAM_CONTROLLABLE);
  EXPECT_TRUE(delta->flags & GST_PARAM_MUTABLE_PLAYING);
}

}  // namespace
}  // namespace streamdiffusion::testing

// The element in pipelines, as gst-launch-1.0 builds them.
#include <gmock/gmock.h>
#include <gst/controller/gstdirectcontrolbinding.h>
#include <gst/controller/gstinterpolationcontrolsource.h>
#include <gst/gst.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>

namespace streamdiffusion::testing {
namespace {

using ::testing::HasSubstr;

const std::string kElement =
    "streamdiffusion name=sd width=64 height=64 t-index-list=20,35 threads=1";

class Pipeline {
 public:
  explicit Pipeline(const std::string& text) {
    GError* error = nullptr;
    pipeline_ = gst_parse_launch(text.c_str(), &error);
    EXPECT_EQ(error, nullptr) << (error != nullptr ? error->message : "");
    g_clear_error(&error);
  }
  ~Pipeline() {
    set(GST_STATE_NULL);
    gst_object_unref(pipeline_);
  }
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  GstStateChangeReturn set(GstState state) {
    gst_element_set_state(pipeline_, state);
    return gst_element_get_state(pipeline_, nullptr, nullptr, 60 * GST_SECOND);
  }
  /// The text of the error that ends it, "end" at its end.
  std::string finish() {
    gst_element_set_state(pipeline_, GST_STATE_PLAYING);
    GstBus* bus = gst_element_get_bus(pipeline_);
    GstMessage* message = gst_bus_timed_pop_filtered(
        bus, 60 * GST_SECOND, static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR));
    gst_object_unref(bus);
    if (message == nullptr) return "nothing in a minute";
    std::string text = "end";
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
      GError* error = nullptr;
      gst_message_parse_error(message, &error, nullptr);
      text = error->message;
      g_error_free(error);
    }
    gst_message_unref(message);
    return text;
  }
  GstElement* get() { return pipeline_; }
  /// The caller unrefs it.
  GstElement* named(const char* name) { return gst_bin_get_by_name(GST_BIN(pipeline_), name); }

 private:
  GstElement* pipeline_ = nullptr;
};

/// How many buffers a fakesink got.
struct Count {
  explicit Count(Pipeline& pipeline) {
    GstElement* sink = pipeline.named("sink");
    g_object_set(sink, "signal-handoffs", TRUE, nullptr);
    g_signal_connect(sink, "handoff",
                     G_CALLBACK(+[](GstElement*, GstBuffer*, GstPad*, int* count) { ++*count; }),
                     &frames);
    gst_object_unref(sink);
  }
  int frames = 0;
};

TEST(Pipeline, RunsToItsEnd) {
  Pipeline pipeline("videotestsrc num-buffers=9 ! video/x-raw,width=96,height=64 ! " + kElement +
                    " ! videoconvert ! fakesink name=sink");
  Count count(pipeline);
  EXPECT_EQ(pipeline.finish(), "end");
  EXPECT_EQ(count.frames, 9);
}

TEST(Pipeline, ALiveSourceIsNotHeldUp) {
  Pipeline pipeline("videotestsrc is-live=true num-buffers=30 ! video/x-raw,framerate=60/1 ! " +
                    kElement + " ! fakesink name=sink sync=true");
  Count count(pipeline);
  EXPECT_EQ(pipeline.finish(), "end");
  EXPECT_GT(count.frames, 0);
  EXPECT_LE(count.frames, 30);
}

TEST(Pipeline, FromFileToFile) {
  const auto folder = std::filesystem::temp_directory_path();
  const std::string input = folder / "streamdiffusion_gst_in.avi";
  const std::string output = folder / "streamdiffusion_gst_out.avi";
  Pipeline made(
      "videotestsrc num-buffers=12 ! video/x-raw,width=96,height=64 ! jpegenc ! avimux ! "
      "filesink location=" +
      input);
  ASSERT_EQ(made.finish(), "end");
  {
    Pipeline pipeline("filesrc location=" + input + " ! avidemux ! jpegdec ! videoconvert ! " +
                      kElement +
                      " ! videoconvert ! jpegenc ! avimux ! filesink location=" + output);
    ASSERT_EQ(pipeline.finish(), "end");
  }
  Pipeline read("filesrc location=" + output + " ! avidemux ! jpegdec ! fakesink name=sink");
  Count count(read);
  EXPECT_EQ(read.finish(), "end");
  EXPECT_EQ(count.frames, 12);
  std::filesystem::remove(input);
  std::filesystem::remove(output);
}

TEST(Pipeline, SeeksAndGoesOn) {
  Pipeline pipeline("videotestsrc ! video/x-raw,width=96,height=64,framerate=25/1 ! " + kElement +
                    " ! fakesink name=sink");
  ASSERT_EQ(pipeline.set(GST_STATE_PAUSED), GST_STATE_CHANGE_SUCCESS);
  for (int second : {3, 1, 2}) {
    const auto from = static_cast<gint64>(second * GST_SECOND);
    ASSERT_TRUE(gst_element_seek(
        pipeline.get(), 1, GST_FORMAT_TIME,
        static_cast<GstSeekFlags>(GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_ACCURATE), GST_SEEK_TYPE_SET,
        from, GST_SEEK_TYPE_SET, from + static_cast<gint64>(GST_SECOND / 5)));
    ASSERT_EQ(gst_element_get_state(pipeline.get(), nullptr, nullptr, 60 * GST_SECOND),
              GST_STATE_CHANGE_SUCCESS);
    gint64 position = 0;
    ASSERT_TRUE(gst_element_query_position(pipeline.get(), GST_FORMAT_TIME, &position));
    EXPECT_EQ(position, from);
  }
  EXPECT_EQ(pipeline.finish(), "end");
}

TEST(Pipeline, MayBeStoppedAtAnyMoment) {
  Pipeline pipeline("videotestsrc ! video/x-raw,width=96,height=64 ! " + kElement +
                    " ! fakesink name=sink");
  for (int i = 0; i < 20; ++i) {
    ASSERT_NE(pipeline.set(i % 2 == 0 ? GST_STATE_PLAYING : GST_STATE_PAUSED),
              GST_STATE_CHANGE_FAILURE);
    if (i % 4 == 3) {
      ASSERT_EQ(pipeline.set(GST_STATE_NULL), GST_STATE_CHANGE_SUCCESS);
    }
  }
}

TEST(Pipeline, ANumberMayBeControlled) {
  Pipeline pipeline(
      "videotestsrc num-buffers=25 ! video/x-raw,width=96,height=64,framerate=25/1 ! " + kElement +
      " ! fakesink name=sink");
  GstElement* element = pipeline.named("sd");
  GstControlSource* source = gst_interpolation_control_source_new();
  g_object_set(source, "mode", GST_INTERPOLATION_MODE_LINEAR, nullptr);
  gst_timed_value_control_source_set(GST_TIMED_VALUE_CONTROL_SOURCE(source), 0, 1.0);
  gst_timed_value_control_source_set(GST_TIMED_VALUE_CONTROL_SOURCE(source), GST_SECOND, 2.0);
  gst_object_add_control_binding(
      GST_OBJECT(element),
      gst_direct_control_binding_new_absolute(GST_OBJECT(element), "guidance-scale", source));
  gst_object_unref(source);
  EXPECT_EQ(pipeline.finish(), "end");
  double guidance = 0;
  g_object_get(element, "guidance-scale", &guidance, nullptr);
  EXPECT_NEAR(guidance, 1.96, 1e-6) << "of the last frame";
  gst_object_unref(element);
}

TEST(Pipeline, AModelThatIsMissingIsNamed) {
  Pipeline pipeline("videotestsrc ! streamdiffusion model=/nowhere ! fakesink");
  EXPECT_THAT(pipeline.finish(), HasSubstr("/nowhere"));
}

TEST(Pipeline, BytesThatAreNoVideoAreRefused) {
  Pipeline pipeline("fakesrc num-buffers=2 sizetype=fixed sizemax=100 ! " + kElement +
                    " ! fakesink");
  EXPECT_THAT(pipeline.finish(), HasSubstr("Internal data stream error"));
}

TEST(Pipeline, ARunDoesNotKnowTheCapsOfTheOneBefore) {
  Pipeline pipeline("videotestsrc name=video num-buffers=3 ! " + kElement + " ! fakesink");
  EXPECT_EQ(pipeline.finish(), "end");
  pipeline.set(GST_STATE_NULL);
  GstElement* element = pipeline.named("sd");
  GstPad* sink = gst_element_get_static_pad(element, "sink");
  GstPad* source = gst_pad_get_peer(sink);
  gst_pad_unlink(source, sink);
  gst_object_unref(source);
  GstElement* video = pipeline.named("video");
  gst_bin_remove(GST_BIN(pipeline.get()), video);
  gst_object_unref(video);
  GstElement* bytes = gst_element_factory_make("fakesrc", nullptr);
  g_object_set(bytes, "num-buffers", 2, "sizetype", 2, "sizemax", 9216, nullptr);
  gst_bin_add(GST_BIN(pipeline.get()), bytes);
  EXPECT_TRUE(gst_element_link(bytes, element));
  EXPECT_THAT(pipeline.finish(), HasSubstr("Internal data stream error"));
  for (gpointer object : {gpointer(sink), gpointer(element)}) gst_object_unref(object);
}

/// As a file of raw video has no times.
TEST(Pipeline, VideoInASegmentOfBytesHasNoTimes) {
  Pipeline pipeline(
      "fakesrc num-buffers=3 sizetype=fixed sizemax=12288 ! capsfilter "
      "caps=video/x-raw,format=RGB,width=64,height=64,framerate=25/1 ! " +
      kElement + " ! fakesink name=sink");
  Count count(pipeline);
  EXPECT_EQ(pipeline.finish(), "end");
  EXPECT_EQ(count.frames, 3);
}

/// With a source that would go on for ever.
TEST(Pipeline, EndsWhereThePeerHasEnough) {
  for (const std::string live : {"false", "true"}) {
    Pipeline pipeline("videotestsrc is-live=" + live + " ! video/x-raw,width=64,height=64 ! " +
                      kElement + " ! identity eos-after=3 ! fakesink name=sink");
    Count count(pipeline);
    EXPECT_EQ(pipeline.finish(), "end") << live;
    EXPECT_EQ(count.frames, 2) << live;  // the third is refused
  }
}

TEST(Pipeline, EndsWhereThePeerFails) {
  const std::string source = "videotestsrc ! video/x-raw,width=64,height=64 ! " + kElement;
  for (const std::string peer :
       {"", " ! identity error-after=3 ! fakesink", " ! identity drop-allocation=true",
        " ! capsfilter caps=video/x-raw,width=32 ! fakesink"}) {
    Pipeline pipeline(source + peer);
    EXPECT_THAT(pipeline.finish(), ::testing::AnyOf(HasSubstr("rror"), HasSubstr("ailed"))) << peer;
  }
}

TEST(Pipeline, TwoElementsShareAnEngine) {
  const auto branch = [](int number) {
    return "videotestsrc num-buffers=5 ! video/x-raw,width=96,height=64 ! streamdiffusion width=64 "
           "height=64 threads=1 seed=" +
           std::to_string(number) + " ! fakesink ";
  };
  Pipeline pipeline(branch(1) + branch(2));
  EXPECT_EQ(pipeline.finish(), "end");
}

}  // namespace
}  // namespace streamdiffusion::testing

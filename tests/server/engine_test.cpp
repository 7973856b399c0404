// The server with a real engine behind it: a tiny model on the reference backend.
#include <gtest/gtest.h>

#include "server/engine_stream_factory.h"
#include "server/running_server.h"
#include "support/tiny_model.h"

namespace streamdiffusion::testing {
namespace {

using nlohmann::json;

class WithEngine : public ::testing::Test {
 protected:
  static LiveSettings initial_settings() {
    LiveSettings settings;
    settings.options.width = settings.options.height = 32;
    return settings;
  }
  TinyModel model_;
  server::EngineStreamFactory factory_{Engine::open({.model = model_.path(), .device = "ref"}),
                                       initial_settings()};
};

TEST_F(WithEngine, BinaryFramesBecomeImagesThroughAChange) {
  RunningServer server({}, &factory_);
  auto client = server.connect("me");
  const std::string image = jpeg_of(200, 100, 50);
  for (int i = 0; i < 12; ++i) {
    if (i == 3) client.text({{"type", "settings"}, {"params", {{"prompt", "cat"}}}});
    if (i == 6) client.text({{"type", "settings"}, {"params", {{"steps", 3}, {"width", 48}}}});
    client.send_image({{"seq", i}}, image);
    ASSERT_TRUE(client.image()) << i;
  }
  json stats;
  ASSERT_TRUE(wait_until("the frames in flight", [&] {
    stats = client.await("stats");
    return stats.is_null() || stats["in_flight"] == 0;
  }));
  ASSERT_FALSE(stats.is_null());
  json sum =
      stats["processed"].get<int>() + stats["skipped"].get<int>() + stats["failed"].get<int>();
  for (const auto& [cause, count] : stats["dropped"].items())
    sum = sum.get<int>() + count.get<int>();
  EXPECT_EQ(sum, stats["captured"]) << stats;
}

TEST_F(WithEngine, OneImageFromAPromptAndFromAnImage) {
  RunningServer server({}, &factory_);
  const HttpAnswer text = server.post("/api/txt2img", R"({"prompt": "cat", "format": "png"})");
  EXPECT_EQ(text.status, 200) << text.body;
  const HttpAnswer same = server.post("/api/txt2img", R"({"prompt": "cat", "format": "png"})");
  EXPECT_EQ(text.body, same.body);
  const HttpAnswer image =
      server.post("/api/img2img?format=png", jpeg_of(9, 8, 7), {{"Content-Type", "image/jpeg"}});
  EXPECT_EQ(image.status, 200) << image.body;
  EXPECT_NE(image.body, text.body);
}

TEST_F(WithEngine, TheModelsOwnRangesHold) {
  RunningServer server({}, &factory_);
  const json settings = server.get("/api/settings").json();
  EXPECT_EQ(settings["params"]["width"], 32);
  EXPECT_EQ(settings["input_params"]["properties"]["width"]["multipleOf"], 8);
  auto client = server.connect("me");
  client.text({{"type", "settings"}, {"params", {{"mode", "txt2img"}}}});
  EXPECT_EQ(client.await("settings")["params"]["mode"], "txt2img");
  client.send_image({{"seq", 1}}, "");
  EXPECT_TRUE(client.image());
}

}  // namespace
}  // namespace streamdiffusion::testing

// The server with a real engine behind it: a tiny model on the reference backend.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/engine_stream_factory.h"
#include "server/lora_scale_sets.h"
#include "server/protocol/http_error.h"
#include "server/running_server.h"
#include "support/temporary_folder.h"
#include "support/tiny_controlnet.h"
#include "support/tiny_model.h"
#include "weights/hash_weights.h"
#include "weights/safetensors.h"

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

TEST_F(WithEngine, AStreamThatNothingChangedNeedsNoPreparation) {
  RunningServer server({}, &factory_);
  WebSocketClient client(server.port(), "/api/ws/me?frames=binary");
  EXPECT_EQ(client.await("settings")["reconfiguring"], false);
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

class WithControlNet : public ::testing::Test {
 protected:
  static LiveSettings initial_settings() {
    LiveSettings settings;
    settings.options.width = settings.options.height = 32;
    return settings;
  }
  TinyModel model_;
  TemporaryFolder folder_;
  const std::string net_ = write_tiny_controlnet(model_, folder_, "canny", 1.5F);
  server::EngineStreamFactory factory_{
      Engine::open({.model = model_.path(), .controlnets = {{net_}}, .device = "ref"}),
      initial_settings()};
};

TEST_F(WithControlNet, ItsSettingsAreALiveParameter) {
  RunningServer server({}, &factory_);
  const json settings = server.get("/api/settings").json();
  EXPECT_EQ(settings["input_params"]["properties"]["control_settings"]["labels"], json({"canny"}));
  EXPECT_EQ(settings["params"]["control_settings"][0]["preprocessor"], "canny");
  auto client = server.connect("me");
  const auto change = [&](const json& object) {
    client.text({{"type", "settings"}, {"params", {{"control_settings", json::array({object})}}}});
  };
  change({{"conditioning_scale", 0.5}});
  EXPECT_EQ(client.await("settings")["params"]["control_settings"][0]["conditioning_scale"], 0.5);
  change({{"enabled", false}, {"preprocessor", "blur"}});
  const json changed = client.await("settings")["params"]["control_settings"][0];
  EXPECT_EQ(changed["conditioning_scale"], 0.5) << "what is left out stays";
  EXPECT_EQ(changed["enabled"], false);
  EXPECT_EQ(changed["preprocessor"], "blur");
  change({{"preprocessor", "auto"}, {"enabled", true}});
  EXPECT_EQ(client.await("settings")["params"]["control_settings"][0]["preprocessor"], "canny");
  change({{"conditioning_scale", 100}});
  EXPECT_EQ(client.await("error")["param"], "control_settings");
  change({{"control_guidance_start", 1}});
  EXPECT_THAT(client.await("error")["message"].get<std::string>(),
              ::testing::HasSubstr("\"control_guidance_start\" is 1"));
  client.send_image({{"seq", 1}}, jpeg_of(200, 100, 50));
  EXPECT_TRUE(client.image());
}

TEST_F(WithControlNet, WhatItSeesIsShownOnRequest) {
  RunningServer server({}, &factory_);
  EXPECT_EQ(server.get("/api/control/nobody").status, 404);
  auto client = server.connect("me");
  EXPECT_EQ(server.get("/api/control/me?net=0").status, 404) << "no frame has come";
  client.send_image({{"seq", 1}}, jpeg_of(200, 100, 50));
  ASSERT_TRUE(client.image());
  const HttpAnswer seen = server.get("/api/control/me?net=0");
  ASSERT_EQ(seen.status, 200) << seen.body;
  EXPECT_EQ(color_of(seen.body), 0U) << "a frame of one color has no edges";
  const HttpAnswer none = server.get("/api/control/me?net=7");
  EXPECT_EQ(none.status, 404);
  EXPECT_THAT(none.body, ::testing::HasSubstr("net is 7, expected 0 to 0"));
  EXPECT_EQ(server.get("/api/control/me?net=-1").status, 400);
  EXPECT_EQ(server.get("/api/control/me?net=x").status, 400);
}

TEST_F(WithControlNet, ASecondImageOfAFrameIsWhatControlImagesAreMadeOf) {
  RunningServer server({}, &factory_);
  auto client = server.connect("me");
  client.text({{"type", "settings"},
               {"params", {{"control_settings", json::array({{{"preprocessor", "blur"}}})}}}});
  client.await("settings");
  const std::string frame = jpeg_of(200, 100, 50), control = jpeg_of(10, 20, 240);
  client.send_image({{"seq", 1}, {"control_bytes", control.size()}}, frame + control);
  ASSERT_TRUE(client.image());
  EXPECT_TRUE(similar_colors(color_of(server.get("/api/control/me").body), color_of(control)));
  client.send_image({{"seq", 2}, {"control_bytes", control.size()}}, control);
  EXPECT_EQ(client.await("error")["code"], "bad_frame") << "the frame itself is missing";
}

TEST_F(WithEngine, ASecondImageOfAFrameNeedsAControlNet) {
  RunningServer server({}, &factory_);
  auto client = server.connect("me");
  client.send_image({{"control_bytes", 3}}, jpeg_of(200, 100, 50));
  EXPECT_EQ(client.await("error")["param"], "control_bytes");
}

TEST_F(WithControlNet, FromTextAloneAnImageIsWhatControlImagesAreMadeOf) {
  RunningServer server({}, &factory_);
  auto client = server.connect("me");
  client.text({{"type", "settings"}, {"params", {{"mode", "txt2img"}}}});
  ASSERT_TRUE(wait_until("the mode", [&] {
    const json settings = client.await("settings");
    return settings.is_null() ||
           (settings["params"]["mode"] == "txt2img" && settings["reconfiguring"] == false);
  }));
  client.send_image({{"seq", 1}}, "");
  EXPECT_TRUE(client.image()) << "without an image the net does not act";
  EXPECT_EQ(server.get("/api/control/me").status, 404);
  client.send_image({{"seq", 2}}, jpeg_of(200, 100, 50));
  EXPECT_TRUE(client.image());
  EXPECT_EQ(server.get("/api/control/me").status, 200);
}

TEST(LoraScaleSets, AreSharedAndLimited) {
  server::LoraScaleSets sets(2);
  const int first = 0, second = 0, third = 0;  // streams
  const auto start = sets.take({1}, &first), same = sets.take({1}, &second);
  EXPECT_EQ(sets.take({1}, &first), start);
  auto other = sets.take({0.5F}, &third);
  try {
    sets.take({0.25F}, &second);
    ADD_FAILURE() << "a third set";
  } catch (const server::HttpError& error) {
    EXPECT_EQ(error.status(), 503);
    EXPECT_EQ(error.code(), "too_many_lora_scales");
    EXPECT_EQ(error.what(),
              std::string("the streams use 2 sets of LoRA scales, and each is a copy of the "
                          "weights; expected one of [0.5], [1], or try again later"));
  }
  EXPECT_THROW(sets.take({0.25F}, &first),
               server::HttpError);  // another stream uses it too
  const auto before = std::exchange(other, sets.take({0.25F}, &third));
  EXPECT_THROW(sets.take({0.75F}, &second), server::HttpError);
  EXPECT_NO_THROW(sets.take({0.125F}, &third)) << "its own count once";
  other = nullptr;
  EXPECT_THROW(sets.take({0.75F}, &second), server::HttpError) << "it may go back to {0.5}";
}

weights::TensorToWrite hashed(const std::string& name, std::vector<std::int64_t> dims) {
  std::size_t count = 1;
  for (const std::int64_t dim : dims) count *= static_cast<std::size_t>(dim);
  weights::TensorToWrite tensor{name, dims, std::vector<float>(count)};
  weights::HashWeights().read_f32(name, dims, tensor.values);
  return tensor;
}

/// The number behind a name of /metrics.
double metric(const RunningServer& server, const std::string& name) {
  const std::string text = server.get("/metrics").body;
  const std::size_t at = text.find("\n" + name + " ");
  return at == std::string::npos ? 0 : std::stod(text.substr(at + 2 + name.size()));
}

TEST(SharedCallsOfAServer, AreCountedInItsMetrics) {
  const TinyModel model;
  LiveSettings start;
  start.options = {.width = 32, .height = 32, .t_index_list = {30}};
  server::EngineStreamFactory factory(
      Engine::open({.model = model.path(), .device = "ref", .threads = 1, .batching = "8"}), start);
  server::ServerOptions options;
  options.limits.requests_per_second = 10000;
  options.limits.messages_per_second = 10000;
  RunningServer server(options, &factory);
  std::atomic<bool> end = false;
  const auto draw = [&](const std::string& id) {
    WebSocketClient client = server.connect(id);
    while (!end) {
      client.send_image({}, jpeg_of(1, 2, 3, 32, 32));
      if (!client.image()) return;
    }
  };
  std::thread first(draw, "first"), second(draw, "second");
  wait_until("calls over rows of both to be counted", [&] {
    return metric(server, "streamdiffusion_unet_calls_total{sessions=\"several\"}") >= 5;
  });
  end = true;
  first.join();
  second.join();
  server.get("/metrics");  // what came since
  const double calls = metric(server, "streamdiffusion_unet_calls_total{sessions=\"several\"}");
  EXPECT_EQ(metric(server, "streamdiffusion_unet_seats_total{seat=\"taken\"}"), 2 * calls);
  EXPECT_EQ(metric(server, "streamdiffusion_unet_seats_total{seat=\"empty\"}"), 0);
  EXPECT_EQ(metric(server, "streamdiffusion_unet_sessions_total"), 2 * calls);
  EXPECT_EQ(factory.engine().shared_calls().calls, static_cast<std::uint64_t>(calls));
}

/// An engine with one LoRA, of which two sets of scales may be in use.
class WithLora : public ::testing::Test {
 protected:
  WithLora() {
    initial_.options.width = initial_.options.height = 32;
    const std::vector<weights::TensorToWrite> tensors{
        hashed("lora_unet_conv_in.lora_down.weight", {4, 4, 3, 3}),
        hashed("lora_unet_conv_in.lora_up.weight", {16, 4, 1, 1})};
    weights::write_safetensors(folder_.path() / "style.safetensors", tensors);
    factory_.emplace(Engine::open({.model = model_.path(),
                                   .lora_dict = {{folder_ / "style.safetensors", 1}},
                                   .device = "ref"}),
                     initial_, server::Limits{.lora_scale_sets = 2});
  }
  LiveSettings with_scale(float scale) const {
    LiveSettings settings = initial_;
    settings.options.lora_scales = {scale};
    return settings;
  }
  std::unique_ptr<server::LiveStream> open(const LiveSettings& settings, LiveCallbacks calls = {}) {
    if (!calls.output) calls.output = [](const LiveOutput&) {};
    return factory_->open(settings, {}, std::move(calls), {}, 0);
  }

  const TinyModel model_;
  const TemporaryFolder folder_;
  LiveSettings initial_;
  std::optional<server::EngineStreamFactory> factory_;
};

TEST_F(WithLora, ScalesOfAChangeThatWasTakenBackAreFree) {
  std::atomic<bool> failed = false;
  const auto stream = open(initial_, {.error = [&](const Error&, auto) { failed = true; }});
  LiveSettings huge = with_scale(0.5F);
  huge.options.width = huge.options.height = 16384;  // more than any machine's memory
  stream->change(huge);
  ASSERT_TRUE(wait_until("the error", [&] { return failed.load(); }));
  EXPECT_EQ(stream->changes().current, 0U);
  EXPECT_NO_THROW(open(with_scale(0.25F)));
}

TEST_F(WithLora, ScalesOfAStreamThatHasEndedAreFree) {
  const auto stream = open(with_scale(0.5F));
  EXPECT_THROW(open(with_scale(0.25F)), server::HttpError);
  stream->drain();
  EXPECT_NO_THROW(open(with_scale(0.25F)));
}

TEST_F(WithLora, ScalesThatFramesFollowNoMoreAreFree) {
  const auto stream = open(with_scale(0.5F));
  EXPECT_EQ(stream->change(initial_), 1U);
  ASSERT_TRUE(wait_until("the scales", [&] { return stream->changes().prepared == 1; }));
  stream->submit({.image = [] { return Image{1, 1, {1, 2, 3}}; }});
  ASSERT_TRUE(wait_until("the change", [&] { return stream->changes().applied == 1; }));
  EXPECT_NO_THROW(open(with_scale(0.25F)));
}

TEST_F(WithLora, StreamsHaveOnlySoManyScales) {
  RunningServer server({}, &*factory_);
  auto first = server.connect("first"), second = server.connect("second");
  const auto ask = [](WebSocketClient& client, float scale) {
    client.text({{"type", "settings"}, {"params", {{"lora_scales", {scale}}}}});
  };
  ask(first, 0.5F);
  EXPECT_EQ(first.await("settings")["params"]["lora_scales"], json::array({0.5}));
  ask(second, 0.25F);
  const json refused = second.await("error");
  EXPECT_EQ(refused["code"], "too_many_lora_scales") << refused;
  EXPECT_EQ(refused["param"], "lora_scales");
  const HttpAnswer image = server.post("/api/txt2img", R"({"prompt": "a", "lora_scales": [0.75]})");
  EXPECT_EQ(image.status, 503) << image.body;
  ask(second, 0.5F);
  EXPECT_EQ(second.await("settings")["params"]["lora_scales"], json::array({0.5}));
  first.send_image({{"seq", 1}}, jpeg_of(200, 100, 50));
  EXPECT_TRUE(first.image());
}

}  // namespace
}  // namespace streamdiffusion::testing

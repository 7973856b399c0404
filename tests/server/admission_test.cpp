// Which streams are let in by what they cost.
#include "server/sessions/admission.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/engine_stream_factory.h"
#include "server/frame_seconds.h"
#include "server/protocol/http_error.h"
#include "server/running_server.h"
#include "server/ten_fps.h"
#include "server/what_fits.h"
#include "support/tiny_model.h"

namespace streamdiffusion::testing {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using server::Admission;
using server::HttpError;
using server::ServerOptions;
using ::testing::HasSubstr;

/// Of a step of 512x512: at 10 images a second a tenth of the device's time for streams.
constexpr double kStepSeconds = 0.1 * Admission::kForStreams / 10;

SessionOptions stream_of(int side, int steps) {
  SessionOptions options;
  options.width = options.height = side;
  options.t_index_list.assign(static_cast<std::size_t>(steps), 0);
  return options;
}

class AdmissionOf : public ::testing::Test {
 protected:
  AdmissionOf() { fake_.step_seconds = kStepSeconds; }
  /// The error of a check; status 0 where it passes.
  std::optional<HttpError> refused(Admission::Stream stream, const SessionOptions& wanted,
                                   int status = 409) const {
    try {
      admission_.check(stream, fake_, fake_.with_defaults(wanted), status);
      return std::nullopt;
    } catch (const HttpError& error) {
      return error;
    }
  }
  void run(Admission::Stream stream, int side, int steps, server::Owner owner = 0) {
    admission_.arrive(stream, owner);
    admission_.set(stream, fake_.frame_seconds(stream_of(side, steps)));
  }

  FakeStreamFactory fake_;
  ServerOptions options_ = ten_fps();
  Admission admission_{options_};
  int a_ = 0, b_ = 0, c_ = 0;
};

TEST_F(AdmissionOf, StreamsAreLetInUntilTheirSharesSumToTheDevice) {
  run(&a_, 512, 6);
  EXPECT_NEAR(admission_.used(), 0.6, 1e-9);
  admission_.arrive(&b_, 0);
  EXPECT_FALSE(refused(&b_, stream_of(512, 4)));
  const auto error = refused(&b_, stream_of(512, 5));
  ASSERT_TRUE(error);
  EXPECT_EQ(error->status(), 409);
  EXPECT_EQ(error->code(), "too_much_load");
  EXPECT_THAT(
      error->what(),
      HasSubstr("512x512 with 5 steps takes about 40 ms of the device a frame, 50 % of its "
                "time for streams at the 10 images a second that each has (--min-fps), and "
                "40 % are free: 4 steps at this size, or 456x456 with these steps would fit"));
  EXPECT_NEAR(error->numbers().at("load"), 0.5, 1e-9);
  EXPECT_NEAR(error->numbers().at("free_load"), 0.4, 1e-9);
  EXPECT_EQ(error->numbers().at("fitting_steps"), 4);
  EXPECT_EQ(error->numbers().at("fitting_width"), 456);
  admission_.leave(&a_);
  EXPECT_FALSE(refused(&b_, stream_of(512, 5)));
}

TEST_F(AdmissionOf, AStreamIsWeighedWithoutWhatItTakesNow) {
  run(&a_, 512, 6);
  run(&b_, 512, 3);
  EXPECT_FALSE(refused(&a_, stream_of(512, 7)));
  EXPECT_TRUE(refused(&a_, stream_of(512, 8)));
}

TEST_F(AdmissionOf, WhatFitsIsSaidToFit) {
  run(&a_, 512, 6);
  admission_.arrive(&b_, 0);
  for (const int side : {512, 640, 1024}) {
    for (const int steps : {1, 2, 4, 8, 20}) {
      const SessionOptions wanted = stream_of(side, steps);
      const auto error = refused(&b_, wanted);
      if (!error) continue;
      const auto& numbers = error->numbers();
      SessionOptions smaller = wanted;
      smaller.width = static_cast<int>(numbers.at("fitting_width"));
      smaller.height = static_cast<int>(numbers.at("fitting_height"));
      EXPECT_FALSE(refused(&b_, smaller)) << error->what();
      *smaller.width += 8;
      *smaller.height += 8;
      EXPECT_TRUE(refused(&b_, smaller)) << error->what();
      if (!numbers.contains("fitting_steps")) continue;
      const int fewer = static_cast<int>(numbers.at("fitting_steps"));
      EXPECT_FALSE(refused(&b_, stream_of(side, fewer))) << error->what();
      EXPECT_TRUE(refused(&b_, stream_of(side, fewer + 1))) << error->what();
    }
  }
}

TEST_F(AdmissionOf, WhatIsMeasuredCountsInPlaceOfThePrediction) {
  run(&a_, 512, 8);
  for (int i = 0; i < 40; ++i) admission_.measured(&a_, 2 * kStepSeconds);
  EXPECT_NEAR(admission_.used(), 0.2, 1e-3);
  admission_.arrive(&b_, 0);
  EXPECT_FALSE(refused(&b_, stream_of(512, 7)));
}

TEST_F(AdmissionOf, WhatStreamsStartWithIsLetInWhereNobodyElseDraws) {
  fake_.step_seconds = 10;
  const SessionOptions start = fake_.with_defaults(fake_.initial_settings().options);
  admission_.arrive(&a_, 0);
  EXPECT_FALSE(refused(&a_, start));
  SessionOptions more = start;
  *more.width *= 2;
  const auto error = refused(&a_, more);
  ASSERT_TRUE(error);
  EXPECT_GT(error->numbers().at("load"), 1);
  EXPECT_EQ(error->numbers().at("free_load"), 1);  // all loads together are at most that
  EXPECT_THAT(error->what(), HasSubstr("100 % are free"));
  admission_.set(&a_, fake_.frame_seconds(start));
  admission_.arrive(&b_, 0);
  EXPECT_EQ(refused(&b_, start, 503)->status(), 503);
  EXPECT_THAT(refused(&b_, start)->what(), HasSubstr("0 % are free"));
}

TEST_F(AdmissionOf, ATokenHasItsShareAndItsNumberOfStreams) {
  options_.tokens = {{"first-token", 2, 0.3}, {"other-token"}};
  run(&a_, 512, 2, 0);
  admission_.arrive(&b_, 0);
  EXPECT_FALSE(refused(&b_, stream_of(512, 1)));
  const auto now = refused(&b_, stream_of(512, 2));
  ASSERT_TRUE(now);
  EXPECT_EQ(now->status(), 429);
  EXPECT_EQ(now->code(), "token_limit");
  EXPECT_THAT(now->what(), HasSubstr("10 % are free of what this token may take: 1 step"));
  const auto ever = refused(&b_, stream_of(512, 4));
  ASSERT_TRUE(ever);
  EXPECT_EQ(ever->status(), 403);
  EXPECT_THAT(ever->what(), HasSubstr("30 % may be taken with this token"));
  try {
    admission_.arrive(&c_, 0);
    ADD_FAILURE() << "a third stream was taken";
  } catch (const HttpError& error) {
    EXPECT_EQ(error.status(), 429);
    EXPECT_THAT(error.what(), HasSubstr("the 2 streams that this token may have"));
  }
  admission_.arrive(&c_, 1);
  EXPECT_FALSE(refused(&c_, stream_of(512, 8)));
}

TEST_F(AdmissionOf, WithoutAPromiseAllAreLetIn) {
  options_.limits.min_fps = 0;
  run(&a_, 1024, 50);
  admission_.arrive(&b_, 0);
  EXPECT_FALSE(refused(&b_, stream_of(1024, 50)));
}

TEST(FrameSeconds, GoWithRowsAndPixelsAndTheirSquare) {
  using server::FrameSeconds;
  const auto macs = [](double pixels) { return 3 * pixels + 0.5 * pixels * pixels; };
  const auto sample = [&](double side) {
    const double pixels = side * side;
    return FrameSeconds::Sample{
        pixels, {.rows = 1, .row_macs = macs(pixels), .autoencoder_macs = 7 * pixels}};
  };
  const double start = 64 * 64;
  const FrameSeconds seconds(
      sample(64), sample(128),
      {.pixels = start, .rows = 2, .unet_seconds = 2e-9 * macs(start), .autoencoder_seconds = 0.5});
  SessionOptions options = stream_of(256, 4);
  options.cfg_type = CfgType::none;
  const double pixels = 256 * 256;
  EXPECT_NEAR(seconds.of(options, {}) / (4 * 1e-9 * macs(pixels) + 0.5 * pixels / start), 1, 1e-6);
  options.cfg_type = CfgType::full;
  EXPECT_NEAR(seconds.of(options, {}) / (8 * 1e-9 * macs(pixels) + 0.5 * pixels / start), 1, 1e-6);
  options.frame_buffer_size = 2;  // a frame costs the same
  EXPECT_NEAR(seconds.of(options, {}) / (8 * 1e-9 * macs(pixels) + 0.5 * pixels / start), 1, 1e-6);
  EXPECT_EQ(FrameSeconds().of(options, {}), 0);
}

TEST(FrameSeconds, AreMeasuredAndPredictedFromTheModelsGraphs) {
  const TinyModel model;
  Engine engine = Engine::open({.model = model.path(), .device = "ref"});
  LiveSettings start;
  start.options = {.width = 32, .height = 32, .t_index_list = {30}, .cfg_type = CfgType::none};
  const server::EngineStreamFactory factory(engine, start, server::Limits{.min_fps = 1});
  const auto seconds = [&](int side, int steps, CfgType cfg = CfgType::none) {
    SessionOptions options = stream_of(side, steps);
    options.cfg_type = cfg;
    return factory.frame_seconds(factory.with_defaults(options));
  };
  const double one = seconds(32, 1);
  EXPECT_GT(one, 0);
  EXPECT_NEAR(seconds(32, 3) - seconds(32, 2), seconds(32, 2) - one, 1e-9);
  EXPECT_NEAR(seconds(32, 1, CfgType::full), seconds(32, 2), 1e-9);
  const auto macs = [&](int side) {
    SessionOptions options = stream_of(side, 1);
    return engine.frame_cost(options).row_macs;
  };
  const double row = seconds(32, 2) - one;
  for (const int side : {64, 96}) {  // the second is beyond what it was fitted to
    const double larger = seconds(side, 2) - seconds(side, 1);
    EXPECT_NEAR(larger / row, macs(side) / macs(32), 0.02 * macs(side) / macs(32)) << side;
  }
  EXPECT_GT(macs(64), 4 * macs(32)) << "attention grows with the square";
  const server::EngineStreamFactory none(engine, start);
  EXPECT_EQ(none.frame_seconds(none.with_defaults(start.options)), 0);
}

/// Clients of a server that promises ten images a second.
class AdmittingServer : public ::testing::Test {
 protected:
  AdmittingServer() { server_.fake.step_seconds = kStepSeconds; }
  /// What a client of the protocol asks for.
  static json settings(const json& params) { return {{"type", "settings"}, {"params", params}}; }

  RunningServer server_{ten_fps()};
};

TEST_F(AdmittingServer, AChangeThatIsTooMuchIsRefusedAndTheStreamGoesOn) {
  auto first = server_.connect("first");
  first.text(settings({{"width", 512}, {"height", 512}, {"t_index_list", {1, 2, 3, 4, 5, 6, 7}}}));
  EXPECT_EQ(first.await("settings")["params"]["width"], 512);
  auto second = server_.connect("second");
  second.text(settings({{"width", 512}, {"height", 512}, {"t_index_list", {1, 2, 3, 4}}}));
  const json error = second.await("error");
  EXPECT_EQ(error["code"], "too_much_load");
  EXPECT_EQ(error["fatal"], false);
  EXPECT_NEAR(error["free_load"], 0.3, 0.02);
  EXPECT_EQ(error["fitting_steps"], 3);
  second.send_image({{"seq", 5}}, jpeg_of(1, 2, 3));
  EXPECT_EQ(second.image()->head["seq"], 5);
  const HttpAnswer patched =
      fetch(server_.port(), "PATCH", "/api/sessions/second",
            R"({"width": 512, "height": 512, "t_index_list": [1, 2, 3, 4]})");
  EXPECT_EQ(patched.status, 409);
  EXPECT_EQ(patched.json()["error"]["fitting_steps"], 3);
  const HttpAnswer posted =
      server_.post("/api/txt2img", R"({"prompt": "cat", "width": 512, "height": 512, "steps": 8})");
  EXPECT_EQ(posted.status, 503);
  EXPECT_EQ(posted.code(), "too_much_load");
  EXPECT_EQ(server_.post("/api/txt2img", R"({"prompt": "cat"})").status, 200);
  const json queue = server_.get("/api/queue").json();
  EXPECT_GT(queue["load"], 0.7);
  EXPECT_EQ(queue["min_fps"], 10);
  EXPECT_THAT(server_.get("/metrics").body, HasSubstr("streamdiffusion_device_load 0.7"));
}

TEST_F(AdmittingServer, WhatCostsNoMoreIsNeverRefused) {
  auto client = server_.connect("me");
  client.text(settings({{"width", 512}, {"height", 512}, {"t_index_list", {1, 2, 3, 4, 5, 6, 7}}}));
  client.await("settings");
  server_.fake.measured_share = 100;
  for (int i = 0; i < 20; ++i) {
    client.send_image({}, jpeg_of(1, 2, 3));
    ASSERT_TRUE(client.image());
  }
  wait_until("the load to be measured",
             [&] { return server_.get("/api/queue").json()["load"] > 2; });
  client.text(settings({{"prompt", "cat"}}));
  EXPECT_EQ(client.await("settings")["params"]["prompt"], "cat");
  client.text(settings({{"width", 256}}));
  EXPECT_EQ(client.await("settings")["params"]["width"], 256);
}

TEST_F(AdmittingServer, WhoHasNoTimeOfTheDeviceWaitsUntilSomeIsFree) {
  auto heavy = std::make_unique<WebSocketClient>(server_.connect("heavy"));
  const SessionOptions start = server_.fake.with_defaults(server_.fake.initial_settings().options);
  // So that what streams start with takes 0.6 of the device.
  server_.fake.step_seconds = kStepSeconds * 6 * kStepSeconds / server_.fake.frame_seconds(start);
  heavy->text(settings({{"seed", 3}, {"width", *start.width - 8}}));
  heavy->await("settings");
  WebSocketClient second(server_.port(), "/api/ws/second?frames=binary");
  EXPECT_EQ(second.await("wait")["position"], 1);
  EXPECT_EQ(server_.post("/api/txt2img", "{}").code(), "full");
  second.text(settings({{"width", *start.width * 2}}));  // never, beside nobody
  EXPECT_EQ(second.await("error")["code"], "too_much_load");
  WebSocketClient third(server_.port(), "/api/ws/third?frames=binary");
  EXPECT_EQ(third.await("wait")["position"], 2);
  second.text(settings({{"width", *start.width / 2}}));
  EXPECT_EQ(second.await("connected")["id"], "second");  // it has become light enough
  heavy.reset();
  EXPECT_EQ(third.await("connected")["id"], "third");
}

}  // namespace
}  // namespace streamdiffusion::testing

// What fails inside the server without being anybody's mistake, such as memory that is not there:
// the client is told, the server lives on, and the message names no file of the machine.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "server/running_server.h"
#include "support/log.h"

namespace streamdiffusion::testing {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using server::ServerOptions;
using Call = FakeStreamFactory::Call;
using ::testing::HasSubstr;
using ::testing::Not;

class Failure : public ::testing::Test {
 protected:
  /// Another client has a session, a POST an image, and no slot is lost.
  void expect_alive() {
    server_.fake.failing = Call::none;
    wait_until("the slot to be free",
               [&] { return server_.get("/api/queue").json()["queue_size"] == 0; });
    auto other = server_.connect("other");
    other.send_image({{"seq", 7}}, jpeg_of(1, 2, 3));
    const auto image = other.image();
    ASSERT_TRUE(image);
    EXPECT_EQ(image->head["seq"], 7);
    EXPECT_EQ(server_.post("/api/txt2img", "{}").status, 200);
  }
  static void expect_told(const json& error, bool fatal) {
    EXPECT_EQ(error["fatal"], fatal);
    EXPECT_EQ(error["message"], "the server failed; its log says why");
  }

  Log log_;
  RunningServer server_;
};

TEST_F(Failure, OfOpeningAStreamEndsThatSession) {
  server_.fake.failing = Call::open;
  WebSocketClient client(server_.port(), "/api/ws/me?frames=binary");
  const json error = client.await("error");
  EXPECT_EQ(error["code"], "internal");
  expect_told(error, true);
  EXPECT_EQ(client.close_code(), 1011);
  EXPECT_THAT(log_.text(), HasSubstr(FakeStreamFactory::kFailure));
  expect_alive();
}

TEST_F(Failure, OfAChangeIsTakenBackAndTheNextOneStartsFromWhatHolds) {
  auto client = server_.connect("me");
  const auto set = [&](const json& params) {
    client.text({{"type", "settings"}, {"params", params}});
  };
  set({{"seed", 5}});
  EXPECT_EQ(client.await("settings")["params"]["seed"], 5);
  set({{"seed", FakeStreamFactory::kUnpreparedSeed}, {"delta", 1.5}});
  EXPECT_EQ(client.await("error")["code"], "settings_failed");
  const json back = client.await("settings")["params"];
  EXPECT_EQ(back["seed"], 5);
  EXPECT_EQ(back["delta"], 1);
  EXPECT_EQ(server_.get("/api/sessions/me").json()["params"]["seed"], 5);
  set({{"delta", 2}});
  const json next = client.await("settings")["params"];
  EXPECT_EQ(next["seed"], 5);
  EXPECT_EQ(next["delta"], 2);
}

TEST_F(Failure, InAWebSocketMessageEndsThatSession) {
  for (const Call call : {Call::submit, Call::pause}) {
    auto client = server_.connect("me" + std::to_string(static_cast<int>(call)));
    server_.fake.failing = call;
    call == Call::submit ? client.send_image({}, jpeg_of(1, 2, 3))
                         : client.text({{"type", "pause"}});
    expect_told(client.await("error"), true);
    EXPECT_EQ(client.close_code(), 1011);
    expect_alive();
  }
}

TEST_F(Failure, OfAChangeLeavesTheSettings) {
  auto client = server_.connect("me");
  server_.fake.failing = Call::change;
  client.text({{"type", "settings"}, {"params", {{"prompt", "cat"}}}});
  expect_told(client.await("error"), false);
  const HttpAnswer patched =
      fetch(server_.port(), "PATCH", "/api/sessions/me", R"({"prompt": "cat"})");
  EXPECT_EQ(patched.status, 500);
  EXPECT_EQ(patched.code(), "internal");
  server_.fake.failing = Call::none;
  client.text({{"type", "settings"}, {"params", json::object()}});
  EXPECT_EQ(client.await("settings")["params"]["prompt"], "red apple");
}

TEST_F(Failure, InATickEndsThatSessionAndNotTheTicking) {
  auto client = server_.connect("me");
  server_.fake.failing = Call::counters;
  expect_told(client.await("error"), true);
  EXPECT_EQ(client.close_code(), 1011);
  expect_alive();
  auto other = server_.connect("another");
  EXPECT_FALSE(other.await("stats").is_null());  // the ticker still runs
}

TEST_F(Failure, OfAStageReachesTheClientWithoutThePathsOfTheMachine) {
  auto client = server_.connect("me");
  server_.fake.failing = Call::frame;
  client.send_image({}, jpeg_of(1, 2, 3));
  const json error = client.await("error");
  EXPECT_EQ(error["code"], "frame_failed");
  EXPECT_THAT(std::string(error["message"]), Not(HasSubstr("/")));
  server_.fake.failing = Call::none;
  client.send_image({{"seq", 2}}, jpeg_of(1, 2, 3));
  EXPECT_EQ(client.image()->head["seq"], 2);
  server_.fake.failing = Call::frame;
  const HttpAnswer posted = server_.post("/api/txt2img", "{}");
  EXPECT_EQ(posted.status, 500);
  EXPECT_THAT(posted.body, Not(HasSubstr("/secret")));
  EXPECT_THAT(log_.text(), HasSubstr(FakeStreamFactory::kFailure));
}

TEST_F(Failure, InAPostIsAnsweredAndFreesItsSlot) {
  for (const Call call : {Call::open, Call::submit, Call::counters}) {
    server_.fake.failing = call;
    const HttpAnswer answer = server_.post("/api/txt2img", "{}");
    EXPECT_EQ(answer.status, call == Call::counters ? 200 : 500) << static_cast<int>(call);
    EXPECT_THAT(answer.body, Not(HasSubstr("/secret")));
    expect_alive();
  }
}

TEST_F(Failure, AStreamThatIsNotOpenYetIsGivenUpWithItsClient) {
  server_.fake.open_waits = true;
  {
    WebSocketClient client(server_.port(), "/api/ws/me?frames=binary");
    wait_until("the opening", [&] { return server_.fake.opening == 1; });
  }
  wait_until("it to be given up", [&] { return server_.fake.opening == 0; });
  {
    Wire post(server_.port());
    post.write("POST /api/txt2img HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}");
    wait_until("the opening for the image", [&] { return server_.fake.opening == 1; });
  }
  wait_until("that to be given up", [&] { return server_.fake.opening == 0; });
  server_.fake.open_waits = false;
  expect_alive();
}

TEST(Silence, AWebSocketThatAnswersNoPingIsClosed) {
  ServerOptions options;
  options.limits.ping = 1000ms;
  RunningServer server(options);
  auto silent = server.connect("silent");  // nobody reads, so nobody answers
  auto reading = server.connect("reading");
  wait_until("the silent one to be gone", [&] {
    // Answers the pings that come meanwhile.
    EXPECT_FALSE(reading.await("stats").is_null());
    return server.get("/api/sessions").json()["sessions"].size() == 1;
  });
  EXPECT_EQ(server.get("/api/sessions").json()["sessions"][0]["id"], "reading");
}

}  // namespace
}  // namespace streamdiffusion::testing

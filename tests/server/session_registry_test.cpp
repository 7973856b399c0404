// Several clients: session slots, the waiting queue, and the shutdown of the server.
#include "server/sessions/session_registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <mutex>

#include "server/running_server.h"

namespace streamdiffusion::testing {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using server::ServerOptions;

ServerOptions slots(int sessions, int waiting) {
  ServerOptions options;
  options.limits.sessions = sessions;
  options.limits.waiting = waiting;
  options.limits.requests_per_second = 10000;
  return options;
}

TEST(SessionRegistry, TwoClientsSeeOnlyTheirOwnImages) {
  RunningServer server;
  auto red = server.connect("red"), blue = server.connect("blue");
  const std::string red_image = jpeg_of(220, 20, 20), blue_image = jpeg_of(20, 20, 220);
  for (int i = 0; i < 50; ++i) {
    red.send_image({{"seq", i}}, red_image);
    blue.send_image({{"seq", 1000 + i}}, blue_image);
    const auto r = red.image(), b = blue.image();
    ASSERT_TRUE(r && b);
    EXPECT_EQ(r->head["seq"], i);
    EXPECT_EQ(b->head["seq"], 1000 + i);
    EXPECT_TRUE(similar_colors(color_of(r->bytes), 0xdc1414));
    EXPECT_TRUE(similar_colors(color_of(b->bytes), 0x1414dc));
  }
}

TEST(SessionRegistry, AnIdInUseIsRefusedAndFreeAfterwards) {
  RunningServer server(slots(4, 4));
  {
    auto first = server.connect("me");
    WebSocketClient second(server.port(), "/api/ws/me?frames=binary");
    const json error = second.await("error");
    EXPECT_EQ(error["code"], "conflict");
    EXPECT_EQ(error["fatal"], true);
    EXPECT_EQ(second.close_code(), 1008);
    first.send_image({}, jpeg_of(1, 2, 3));
    EXPECT_TRUE(first.image());  // the first does not mind
    first.frame(8, "\x03\xe8");
    first.close_code();
  }
  wait_until("the id to be free again", [&] {
    WebSocketClient again(server.port(), "/api/ws/me?frames=binary");
    return again.receive().json()["status"] == "connected";
  });
}

TEST(SessionRegistry, AClientWithoutASlotWaitsForAFreeOne) {
  RunningServer server(slots(1, 2));
  auto first = std::make_unique<WebSocketClient>(server.connect("first"));
  WebSocketClient second(server.port(), "/api/ws/second?frames=binary");
  EXPECT_EQ(second.await("wait"), (json{{"status", "wait"}, {"position", 1}, {"limit", 1}}));
  WebSocketClient third(server.port(), "/api/ws/third?frames=binary");
  EXPECT_EQ(third.await("wait")["position"], 2);
  WebSocketClient fourth(server.port(), "/api/ws/fourth?frames=binary");
  EXPECT_EQ(fourth.await("error")["code"], "full");
  EXPECT_EQ(fourth.close_code(), 1013);
  EXPECT_EQ(server.get("/api/queue").json()["queue_size"], 3);

  first.reset();  // gone without a word
  EXPECT_EQ(second.await("connected")["id"], "second");
  EXPECT_EQ(third.await("wait")["position"], 1);
  second.send_image({}, jpeg_of(4, 5, 6));
  EXPECT_TRUE(second.image());
  WebSocketClient again(server.port(), "/api/ws/first?frames=binary");  // a reconnect queues
  EXPECT_EQ(again.await("wait")["position"], 2);
  third.wire().close();
  EXPECT_EQ(again.await("wait")["position"], 1);
  EXPECT_EQ(server.fake.max_streams, 1);
}

TEST(SessionRegistry, SettingsSentWhileWaitingApplyLater) {
  RunningServer server(slots(1, 2));
  auto first = std::make_unique<WebSocketClient>(server.connect("first"));
  WebSocketClient second(server.port(), "/api/ws/second?frames=binary");
  second.await("wait");
  second.text({{"type", "settings"}, {"params", {{"prompt", "cat"}}}});
  second.text(std::string("{"));  // its answer says that the settings before it are read
  EXPECT_FALSE(second.await("error").is_null());
  first.reset();
  EXPECT_EQ(second.await("settings")["params"]["prompt"], "cat");
}

TEST(SessionRegistry, ASilentSessionEnds) {
  ServerOptions options;
  options.limits.idle = 300ms;
  RunningServer server(options);
  auto client = server.connect("me");
  EXPECT_EQ(client.await("timeout")["status"], "timeout");
  EXPECT_EQ(client.close_code(), 1000);
}

TEST(SessionRegistry, SessionsAreListedChangedAndEnded) {
  RunningServer server;
  auto client = server.connect("me");
  const json list = server.get("/api/sessions").json()["sessions"];
  ASSERT_EQ(list.size(), 1U);
  EXPECT_EQ(list[0]["id"], "me");
  EXPECT_EQ(list[0]["state"], "live");
  EXPECT_EQ(list[0]["stats"]["captured"], 0);
  const HttpAnswer changed =
      fetch(server.port(), "PATCH", "/api/sessions/me", R"({"prompt": "cat", "seed": 9})");
  EXPECT_EQ(changed.status, 200);
  EXPECT_EQ(changed.json()["params"]["seed"], 9);
  const json told = client.await("settings");
  EXPECT_EQ(told["params"]["prompt"], "cat");
  EXPECT_EQ(told["outside"], true);
  for (const Fields& fields :
       {Fields{{"Content-Type", "text/plain"}}, Fields{{"Content-Encoding", "gzip"}}}) {
    EXPECT_EQ(fetch(server.port(), "PATCH", "/api/sessions/me", "{}", fields).status, 415);
  }
  const HttpAnswer wrong = fetch(server.port(), "PATCH", "/api/sessions/me", R"({"seed": -2})");
  EXPECT_EQ(wrong.status, 400);
  EXPECT_EQ(wrong.json()["error"]["param"], "seed");
  EXPECT_EQ(fetch(server.port(), "DELETE", "/api/sessions/me").status, 204);
  EXPECT_EQ(client.close_code(), 1000);
}

TEST(SessionRegistry, AWaitingSessionThatIsEndedStaysGone) {
  RunningServer server(slots(1, 2));
  auto first = std::make_unique<WebSocketClient>(server.connect("first"));
  WebSocketClient second(server.port(), "/api/ws/second?frames=binary");
  second.await("wait");
  WebSocketClient third(server.port(), "/api/ws/third?frames=binary");
  EXPECT_EQ(third.await("wait")["position"], 2);
  EXPECT_EQ(fetch(server.port(), "DELETE", "/api/sessions/second").status, 204);
  EXPECT_EQ(third.await("wait")["position"], 1);
  EXPECT_EQ(server.get("/api/queue").json()["queue_size"], 2);
  first.reset();
  EXPECT_EQ(third.await("connected")["id"], "third");  // and not the second
  EXPECT_EQ(server.fake.max_streams, 1);
  EXPECT_EQ(second.close_code(), 1000);
}

TEST(SessionRegistry, ASlotIsFreeAndItsFramesCountedWhenTheLastThreadHasEnded) {
  RunningServer server(slots(1, 2));
  server.fake.hold_frames();
  auto first = std::make_unique<WebSocketClient>(server.connect("first"));
  first->send_image({}, jpeg_of(1, 2, 3));
  wait_until("the frame to be in its stream", [&] { return server.fake.frames_begun == 1; });
  WebSocketClient second(server.port(), "/api/ws/second?frames=binary");
  second.await("wait");
  first.reset();
  wait_until("the first to be gone",
             [&] { return server.get("/api/sessions").json()["sessions"].size() == 1; });
  // Its thread still works on the frame: no other stream may begin.
  EXPECT_EQ(server.get("/api/sessions").json()["sessions"][0]["state"], "waiting");
  server.fake.release_frames();
  second.await("connected");
  EXPECT_THAT(server.get("/metrics").body,
              ::testing::HasSubstr("frames_total{outcome=\"captured\"} 1"));
  EXPECT_EQ(server.fake.max_streams, 1);
}

/// Runs what was posted when the test says so, and what may block at once.
class TaskQueue : public server::Executor {
 public:
  void post(std::function<void()> task) override {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
  }
  void run_on_worker(server::WorkKind, std::function<void()> task) override { task(); }
  void run() {
    std::deque<std::function<void()>> tasks;
    {
      const std::lock_guard lock(mutex_);
      tasks.swap(tasks_);
    }
    for (const auto& task : tasks) task();
  }

 private:
  std::mutex mutex_;
  std::deque<std::function<void()>> tasks_;
};

struct SilentConnection : server::ClientConnection {
  void send(std::string) override {}
  void send(server::EncodedImagePtr) override {}
  void close(int, const std::string&) override {}
};

TEST(SessionRegistry, AConnectionThatIsDestroyedWithoutAWordLeavesNoSession) {
  FakeStreamFactory fake;
  const server::Limits limits;
  server::LoadedModels models(fake, nullptr, limits);
  server::Metrics metrics;
  TaskQueue tasks;
  const server::ServerOptions options;
  server::Admission admission(options);
  server::SessionRegistry registry(
      {fake, models.first()->table, metrics, limits, tasks, models, admission});
  auto connection = std::make_shared<SilentConnection>();
  const auto session = registry.connect("me", server::Protocol::binary, connection);
  tasks.run();
  ASSERT_EQ(session->state(), server::ClientSession::State::live);
  connection.reset();
  tasks.run();
  registry.tick();
  wait_until("the slot to be free", [&] {
    tasks.run();
    return registry.empty();
  });
}

TEST(SessionRegistry, DrainFinishesFramesInFlightAndAcceptsNoSession) {
  RunningServer server;
  server.fake.hold_frames();
  auto client = server.connect("me");
  client.send_image({{"seq", 1}}, jpeg_of(1, 2, 3));
  wait_until("the frame to be in its stream", [&] { return server.fake.frames_begun == 1; });
  server.drain();
  wait_until("readyz to refuse", [&] { return server.get("/readyz").status == 503; });
  EXPECT_EQ(server.get("/healthz").status, 200);
  WebSocketClient late(server.port(), "/api/ws/late?frames=binary");
  EXPECT_EQ(late.await("error")["code"], "draining");
  server.fake.release_frames();
  const auto image = client.image();
  ASSERT_TRUE(image);
  EXPECT_EQ(image->head["seq"], 1);
  EXPECT_EQ(client.close_code(), 1001);
  server.join();
}

TEST(SessionRegistry, DrainDoesNotWaitForASilentClient) {
  ServerOptions options;
  options.limits.drain = 300ms;
  RunningServer server(options);
  auto client = server.connect("me");
  const auto start = base::Clock::now();
  server.drain();
  server.join();  // the client says nothing
  EXPECT_LT(base::seconds_since(start), 10) << "300 ms, and the time to close";
  EXPECT_TRUE(server.all_ended());
  EXPECT_EQ(server.fake.streams, 0);
}

TEST(SessionRegistry, AStreamWhoseDrainNeverEndsIsCutOff) {
  ServerOptions options = slots(6, 0);
  options.limits.drain = 500ms;
  RunningServer server(options);
  server.fake.drain_hangs = true;
  std::vector<WebSocketClient> clients;
  for (int i = 0; i < 6; ++i) clients.push_back(server.connect(std::to_string(i)));
  server.drain();
  server.join();
  EXPECT_TRUE(server.all_ended());
  EXPECT_EQ(server.fake.halts, 6);
  EXPECT_EQ(server.fake.streams, 0);
}

TEST(SessionRegistry, AStreamThatNeverStopsDoesNotHoldUpTheServer) {
  ServerOptions options = slots(2, 0);
  options.limits.drain = 500ms;
  RunningServer server(options);
  server.fake.stop_hangs = true;
  auto client = server.connect("me");
  client.wire().close();
  server.drain();
  server.join();
  EXPECT_FALSE(server.all_ended());
  server.fake.release_frames();
}

TEST(SessionRegistry, ManyShortConnectionsLeaveNoSession) {
  RunningServer server(slots(3, 100));
  for (int round = 0; round < 20; ++round) {
    std::vector<std::unique_ptr<WebSocketClient>> clients;
    for (int i = 0; i < 8; ++i) {
      const std::string id = std::to_string(round) + "-" + std::to_string(i);
      clients.push_back(
          std::make_unique<WebSocketClient>(server.port(), "/api/ws/" + id + "?frames=binary"));
      clients.back()->send_image({}, jpeg_of(i, i, i));
      if (i % 3 == 0) clients.back()->wire().close();
    }
  }
  wait_until("all to be gone", [&] {
    return server.get("/api/queue").json()["queue_size"] == 0 && server.fake.streams == 0;
  });
  EXPECT_LE(server.fake.max_streams, 3);
}

}  // namespace
}  // namespace streamdiffusion::testing

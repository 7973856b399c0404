// Sessions changed and asked by OSC.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "osc/packet.h"
#include "osc/udp_socket.h"
#include "server/running_server.h"

namespace streamdiffusion::testing {
namespace {

using ::testing::HasSubstr;

/// A server with a port for OSC, and a controller of it.
class OscServer : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!osc::available()) GTEST_SKIP() << "built without liblo";
    server::ServerOptions options;
    options.osc = "0";
    server_.emplace(options);
    to_ = osc::find_endpoint(server_->osc_address(), "to");
  }

  void send(const osc::Message& message) const { socket_.send(osc::write_packet(message), to_); }
  /// The next message that comes back.
  osc::Message hear() {
    osc::Message heard;
    wait_until("an answer", [&] {
      osc::Endpoint from;
      const auto datagram = socket_.receive(osc::kMaxDatagramBytes, from);
      if (datagram) heard = osc::read_packet(*datagram).at(0);
      return datagram.has_value();
    });
    return heard;
  }

  std::optional<RunningServer> server_;

 private:
  osc::UdpSocket socket_{osc::find_endpoint("0", "from")};
  osc::Endpoint to_;
};

TEST_F(OscServer, ChangesAllSessionsAndTellsThem) {
  auto one = server_->connect("one"), two = server_->connect("two");
  send({"/seed", {7.0}});
  for (WebSocketClient* client : {&one, &two}) {
    const auto settings = client->await("settings");
    EXPECT_EQ(settings["params"]["seed"], 7);
    EXPECT_EQ(settings["outside"], true);
  }
}

TEST_F(OscServer, ChangesTheOneSessionThatTheAddressNames) {
  auto one = server_->connect("one"), two = server_->connect("two");
  send({"/streamdiffusion/two/prompt", {std::string("cat")}});
  EXPECT_EQ(two.await("settings")["params"]["prompt"], "cat");
  EXPECT_EQ(server_->get("/api/sessions/one").json()["params"]["prompt"], "red apple");
  send({"/streamdiffusion/three/seed", {7.0}});
  EXPECT_EQ(std::get<std::string>(hear().arguments.at(0)), "there is no live session three");
}

TEST_F(OscServer, AValueOutOfRangeIsRefused) {
  auto client = server_->connect("one");
  send({"/delta", {-3.0}});
  const osc::Message error = hear();
  EXPECT_EQ(error.address, "/streamdiffusion/error");
  EXPECT_EQ(std::get<std::string>(error.arguments.at(0)).substr(0, 8), "\"delta\" ")
      << "the log's line and the address say that it is OSC";
  EXPECT_EQ(server_->get("/api/sessions/one").json()["params"]["delta"], 1.0);
}

TEST_F(OscServer, AnswersQuestions) {
  send({"/get_status", {}});
  EXPECT_EQ(hear().arguments.at(0), osc::Argument(std::string("idle")));
  send({"/seed", {}});
  EXPECT_EQ(hear().arguments.at(0), osc::Argument(std::string("no session runs")));
  auto client = server_->connect("one");
  send({"/streamdiffusion/t_index_list", {}});
  const osc::Message steps = hear();
  EXPECT_EQ(steps.address, "/streamdiffusion/t_index_list");
  EXPECT_GT(steps.arguments.size(), 0U);
  send({"/get_status", {}});
  const osc::Message status = hear();
  EXPECT_EQ(status.address, "/streamdiffusion/status");
  EXPECT_EQ(status.arguments.at(0), osc::Argument(std::string("live")));
  EXPECT_EQ(status.arguments.at(1), osc::Argument(std::int64_t{1}));
}

TEST_F(OscServer, PausesAndPlays) {
  auto client = server_->connect("one");
  const auto state = [&] { return server_->get("/api/sessions/one").json()["state"]; };
  send({"/pause", {}});
  wait_until("the pause", [&] { return state() == "paused"; });
  send({"/play", {}});
  wait_until("its end", [&] { return state() == "live"; });
}

}  // namespace
}  // namespace streamdiffusion::testing

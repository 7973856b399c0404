// The UDP port, asked by liblo's own client.
#include "osc/port.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <lo/lo.h>

#include <condition_variable>
#include <cstring>
#include <mutex>

#include "base/error.h"
#include "osc/udp_socket.h"
#include "support/wait.h"

namespace streamdiffusion::osc {
namespace {

using streamdiffusion::testing::wait_until;
using ::testing::HasSubstr;

/// Sends, and hears what is sent back.
class Client {
 public:
  explicit Client(std::uint16_t port)
      : server_(lo_server_new_with_proto(nullptr, LO_UDP, nullptr)),
        address_(lo_address_new("127.0.0.1", std::to_string(port).c_str())) {
    lo_server_add_method(
        server_, nullptr, nullptr,
        [](const char* to, const char* tags, lo_arg** values, int, lo_message, void* self) {
          auto& heard = *static_cast<Client*>(self);
          heard.path = to;
          heard.types = tags;
          const void* first = values[0];  // aligned to 4 bytes, not to those of a lo_arg
          heard.text = tags[0] == 's' ? static_cast<const char*>(first) : "";
          heard.integer = 0;
          if (tags[0] == 'i') std::memcpy(&heard.integer, first, sizeof heard.integer);
          return 0;
        },
        this);
  }
  ~Client() {
    lo_address_free(address_);
    lo_server_free(server_);
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void send(const char* to, lo_message message) {
    lo_send_message_from(address_, server_, to, message);
    lo_message_free(message);
  }
  void send(const char* to, const char* words) {
    lo_message message = lo_message_new();
    lo_message_add_string(message, words);
    send(to, message);
  }
  void send(const char* to, float number) {
    lo_message message = lo_message_new();
    lo_message_add_float(message, number);
    send(to, message);
  }
  /// Waits for an answer.
  bool hear() { return lo_server_recv_noblock(server_, 10000) > 0; }
  lo_server server() { return server_; }

  std::string path, types, text;
  int integer = 0;

 private:
  lo_server server_;
  lo_address address_;
};

/// A port that keeps what it is asked.
class Asked {
 public:
  explicit Asked(PortOptions options = {.listen = "0"})
      : port(options, params::parameters(), [this](const Request& request, const auto& sender) {
          const std::lock_guard lock(mutex_);
          requests_.push_back(request);
          for (const std::string& name : request.questions) {
            sender->send({"/streamdiffusion/" + name, {std::int64_t{42}}});
          }
          if (request.change.contains("delta"))
            throw Error(ErrorCode::invalid_argument, "no delta");
        }) {}

  std::vector<Request> requests() {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  std::mutex mutex_;
  std::vector<Request> requests_;

 public:
  Port port;
};

TEST(OscPort, ListensOnThisMachineAlone) {
  Asked asked;
  EXPECT_THAT(asked.port.address(), HasSubstr("127.0.0.1:"));
  EXPECT_NO_THROW(check({.listen = "localhost:0"}));
  EXPECT_NO_THROW(check({.listen = "[::1]:9000"}));
  EXPECT_NO_THROW(check({.listen = "0.0.0.0:9000", .insecure = true}));
  for (const char* listen : {"0.0.0.0:9000", "[::]:9000", "192.168.1.2:9000"}) {
    EXPECT_THROW(check({.listen = listen}), Error) << listen;
  }
}

TEST(OscPort, WhatIsNoAddressIsNamed) {
  for (const char* listen : {"x", ":9000", "70000", "127.0.0.1:", "-1", "9000 "}) {
    try {
      check({.listen = listen});
      ADD_FAILURE() << listen;
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr("expected [HOST:]PORT")) << listen;
    }
  }
  EXPECT_THROW(check({.listen = "9000", .reply = "nowhere"}), Error);
}

TEST(OscPort, APortInUseIsNamed) {
  Asked asked;
  try {
    Asked other({.listen = std::to_string(asked.port.number())});
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::io);
    EXPECT_THAT(error.what(), HasSubstr("cannot listen for OSC on 127.0.0.1:"));
  }
}

TEST(OscPort, ErrorsAreNotAnswered) {
  Asked asked;
  Client client(asked.port.number());
  client.send("/streamdiffusion/error", "no parameter");
  client.send("/no/such/parameter", 1.0F);
  ASSERT_TRUE(client.hear());
  EXPECT_THAT(client.text, HasSubstr("/no/such/parameter"));
}

TEST(OscPort, ABundleIsOneChange) {
  Asked asked;
  Client client(asked.port.number());
  lo_bundle bundle = lo_bundle_new(LO_TT_IMMEDIATE);
  lo_message prompt = lo_message_new(), seed = lo_message_new();
  lo_message_add_string(prompt, "red apple");
  lo_message_add_float(seed, 3);
  lo_bundle_add_message(bundle, "/prompt", prompt);
  lo_bundle_add_message(bundle, "/seed", seed);
  lo_address to = lo_address_new("127.0.0.1", std::to_string(asked.port.number()).c_str());
  lo_send_bundle(to, bundle);
  lo_bundle_free_recursive(bundle);
  lo_address_free(to);
  wait_until("the change", [&] { return !asked.requests().empty(); });
  EXPECT_EQ(asked.requests()[0].change_text(), R"({"prompt":"red apple","seed":3})");
}

TEST(OscPort, AFaderIsGathered) {
  Asked asked;
  Client client(asked.port.number());
  for (int i = 0; i < 1000; ++i) client.send("/guidance_scale", static_cast<float>(i) / 1000);
  wait_until("the last value", [&] {
    client.send("/guidance_scale", 0.999F);  // UDP may have dropped it
    const auto requests = asked.requests();
    return !requests.empty() && requests.back().change_text() == R"({"guidance_scale":0.999})";
  });
  EXPECT_LT(asked.requests().size(), 500U) << "one at most every 16 ms";
}

TEST(OscPort, AQuestionIsAnswered) {
  Asked asked;
  Client client(asked.port.number());
  client.send("/streamdiffusion/seed", lo_message_new());
  ASSERT_TRUE(client.hear());
  EXPECT_EQ(client.path, "/streamdiffusion/seed");
  EXPECT_EQ(client.integer, 42);
}

TEST(OscPort, AnswersGoWhereTheyWereConfiguredTo) {
  Client elsewhere(1);
  const std::string port = std::to_string(lo_server_get_port(elsewhere.server()));
  Asked asked({.listen = "0", .reply = port});
  Client client(asked.port.number());
  client.send("/seed", lo_message_new());
  ASSERT_TRUE(elsewhere.hear());
  EXPECT_EQ(elsewhere.path, "/streamdiffusion/seed");
}

TEST(OscPort, WhatIsWrongIsToldAndTheNextIsHeard) {
  Asked asked;
  Client client(asked.port.number());
  client.send("/seed", "many");
  ASSERT_TRUE(client.hear());
  EXPECT_EQ(client.path, "/streamdiffusion/error");
  EXPECT_THAT(client.text, HasSubstr("argument 1 is a text, expected a whole number"));
  client.send("/delta", 1.0F);
  ASSERT_TRUE(client.hear());
  EXPECT_EQ(client.text, "no delta") << "what the handler throws";
  client.send("/seed", 5.0F);
  wait_until("the change", [&] { return asked.requests().size() == 2; });
}

TEST(OscPort, HostileDatagramsAreSurvived) {
  Asked asked;
  const Endpoint to = find_endpoint(std::to_string(asked.port.number()), "to");
  const UdpSocket socket(find_endpoint("0", "from"));
  std::uint32_t state = 1;
  for (int i = 0; i < 3000; ++i) {
    std::string datagram("#bundle\0\0\0\0\0\0\0\0\1\0\0\0\x10/seed\0\0\0,i\0\0\0\0\0\1", 36);
    for (int change = 0; change < 3; ++change) {
      state = state * 1664525U + 1013904223U;
      datagram[state >> 8U & 31U] = static_cast<char>(state >> 16U);
    }
    datagram.resize(state >> 4U & 63U);
    socket.send(datagram, to);
  }
  socket.send(std::string(60000, 'x'), to);
  socket.send("", to);
  Client client(asked.port.number());
  wait_until("a change after them", [&] {  // UDP may drop
    client.send("/prompt", "still here");
    return !asked.requests().empty() && asked.requests().back().change.contains("prompt");
  });
}

}  // namespace
}  // namespace streamdiffusion::osc

// Sessions that change to another installed model: what is listed, opened, kept and refused.
#include <gtest/gtest.h>

#include "base/error.h"
#include "server/engine_stream_factory.h"
#include "server/loaded_models.h"
#include "server/running_server.h"
#include "support/tiny_model.h"

namespace streamdiffusion::server {
namespace {

using testing::FakeStreamFactory;
using testing::fetch;
using testing::HttpAnswer;
using testing::RunningServer;
using testing::WebSocketClient;

class FakeCatalog : public ModelCatalog {
 public:
  const std::vector<Entry>& entries() const override { return entries_; }
  std::shared_ptr<StreamFactory> open(const std::string& name, std::stop_token) override {
    ++opened;
    base::require(name != "broken", ErrorCode::corrupt_file, "/secret/", name, ": cut short");
    open_waits.wait(true);
    return std::make_shared<FakeStreamFactory>(name);
  }
  void release() {
    open_waits = false;
    open_waits.notify_all();
  }
  std::atomic<int> opened{0};
  std::atomic<bool> open_waits{false};

 private:
  std::vector<Entry> entries_{{"a", 10}, {"b", 20}, {"broken", 30}, {"fake", 40}};
};

nlohmann::json change_to(const std::string& model) {
  return {{"type", "settings"}, {"params", {{"model", model}}}};
}

/// The settings once the session runs on that model.
nlohmann::json settings_with(WebSocketClient& client, const std::string& model) {
  while (true) {
    nlohmann::json settings = client.await("settings");
    if (settings.is_null() || settings["params"]["model"] == model) return settings;
  }
}

TEST(Models, AreListedWithTheFirstOneBeforeTheOthers) {
  FakeCatalog catalog;
  RunningServer server({}, nullptr, &catalog);
  const nlohmann::json answer = server.get("/api/models").json();
  EXPECT_EQ(answer["models"],
            nlohmann::json::parse(R"([{"name": "fake", "bytes": 40, "loaded": true},
      {"name": "a", "bytes": 10, "loaded": false}, {"name": "b", "bytes": 20, "loaded": false},
      {"name": "broken", "bytes": 30, "loaded": false}])"));
  EXPECT_EQ(answer["max_loaded"], 3);
  EXPECT_EQ(server.get("/api/settings").json()["input_params"]["properties"]["model"]["enum"],
            nlohmann::json({"fake", "a", "b", "broken"}));
  EXPECT_EQ(catalog.opened, 0);
}

TEST(Models, ASessionChangesAndKeepsItsPrompt) {
  FakeCatalog catalog;
  RunningServer server({}, nullptr, &catalog);
  WebSocketClient client = server.connect("me");
  client.text({{"type", "settings"}, {"params", {{"prompt", "a boat"}, {"delta", 2}}}});
  client.await("settings");
  client.text({{"type", "settings"}, {"params", {{"model", "a"}, {"steps", 3}}}});
  const nlohmann::json settings = settings_with(client, "a");
  ASSERT_FALSE(settings.is_null());
  EXPECT_EQ(settings["params"]["prompt"], "a boat");
  EXPECT_EQ(settings["params"]["steps"], 3);
  EXPECT_EQ(settings["params"]["delta"], 1) << "the other model's default";
  EXPECT_EQ(server.fake.changed_to(), "a");
  EXPECT_EQ(server.get("/api/settings?model=a").json()["info"]["model"], "a");
  EXPECT_EQ(server.get("/api/settings?model=b").status, 404);
  EXPECT_EQ(server.get("/api/models").json()["models"][1]["loaded"], true);
  client.text(change_to("fake"));
  EXPECT_FALSE(settings_with(client, "fake").is_null());
  EXPECT_EQ(catalog.opened, 1);
}

TEST(Models, ThatCannotBeOpenedLeaveTheSessionAsItWas) {
  FakeCatalog catalog;
  RunningServer server({}, nullptr, &catalog);
  WebSocketClient client = server.connect("me");
  client.text(change_to("broken"));
  const nlohmann::json error = client.await("error");
  EXPECT_EQ(error["fatal"], false);
  EXPECT_EQ(error.dump().find("secret"), std::string::npos);
  EXPECT_EQ(client.await("settings")["params"]["model"], "fake");
  client.text(change_to("elsewhere/model"));
  EXPECT_EQ(client.await("error")["param"], "model");
  client.send_image({{"seq", 1}}, testing::jpeg_of(1, 2, 3));
  EXPECT_TRUE(client.image());
  EXPECT_EQ(catalog.opened, 1) << "a name that is not installed is never opened";
}

TEST(Models, AreOpenedOneAtATime) {
  FakeCatalog catalog;
  catalog.open_waits = true;
  RunningServer server({}, nullptr, &catalog);
  WebSocketClient first = server.connect("first"), second = server.connect("second");
  first.text(change_to("a"));
  testing::wait_until("the model to be opened", [&] { return catalog.opened == 1; });
  second.text(change_to("b"));
  EXPECT_EQ(second.await("error")["code"], "busy");
  first.text(change_to("b"));
  EXPECT_EQ(first.await("error")["code"], "busy");
  catalog.release();
  EXPECT_FALSE(settings_with(first, "a").is_null());
}

TEST(Models, StayLoadedUpToTheLimit) {
  FakeCatalog catalog;
  FakeStreamFactory fake;
  Limits limits;
  limits.models = 2;
  LoadedModels models(fake, &catalog, limits);
  auto a = models.open("a", {});
  EXPECT_EQ(a, models.open("a", {}));
  EXPECT_EQ(catalog.opened, 1);
  try {
    models.open("b", {});
    ADD_FAILURE() << "a is in use";
  } catch (const HttpError& error) {
    EXPECT_EQ(error.code(), "busy");
  }
  a.reset();
  EXPECT_NE(models.loaded("a"), nullptr) << "it stays until another one needs its memory";
  EXPECT_NE(models.open("b", {}), nullptr);
  EXPECT_EQ(models.loaded("a"), nullptr);
  EXPECT_EQ(models.open("fake", {}), models.first());
}

TEST(Models, OnlyOneMeansNoChoice) {
  FakeCatalog catalog;
  ServerOptions options;
  options.limits.models = 1;
  RunningServer server(options, nullptr, &catalog);
  EXPECT_EQ(server.get("/api/models").json()["models"].size(), 1U);
  WebSocketClient client = server.connect("me");
  client.text(change_to("a"));
  EXPECT_EQ(client.await("error")["param"], "model");
  EXPECT_EQ(catalog.opened, 0);
}

TEST(Models, AnImageOnRequestIsOfTheFirstOne) {
  FakeCatalog catalog;
  RunningServer server({}, nullptr, &catalog);
  const HttpAnswer answer = server.post("/api/txt2img", R"({"model": "a"})");
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(answer.json()["error"]["param"], "model");
  EXPECT_EQ(server.post("/api/txt2img", R"({"model": "fake"})").status, 200);
}

/// Two engines: images keep coming, and those of the other model are its own.
class TinyCatalog : public ModelCatalog {
 public:
  const std::vector<Entry>& entries() const override { return entries_; }
  std::shared_ptr<StreamFactory> open(const std::string& name, std::stop_token) override {
    LiveSettings settings;
    settings.options.width = settings.options.height = 32;
    return std::make_shared<EngineStreamFactory>(
        Engine::open({.model = model_.path(), .device = "ref"}), settings, Limits(), name);
  }

 private:
  testing::TinyModel model_{testing::TinyFamily::sdxl};
  std::vector<Entry> entries_{{"sdxl", 1}};
};

TEST(Models, OfAnotherFamilyTakeOverARunningStream) {
  const testing::TinyModel model;
  LiveSettings settings;
  settings.options.width = settings.options.height = 32;
  EngineStreamFactory factory(Engine::open({.model = model.path(), .device = "ref"}), settings);
  TinyCatalog catalog;
  RunningServer server({}, &factory, &catalog);
  WebSocketClient client = server.connect("me");
  const std::string image = testing::jpeg_of(200, 100, 50);
  client.send_image({{"seq", 0}}, image);
  ASSERT_TRUE(client.image());
  client.text(change_to("sdxl"));
  nlohmann::json settings_now = settings_with(client, "sdxl");
  while (!settings_now.is_null() && settings_now["reconfiguring"] == true) {
    settings_now = client.await("settings");
  }
  ASSERT_FALSE(settings_now.is_null());
  EXPECT_EQ(settings_now["params"]["model"], "sdxl");
  for (int i = 1; i < 8; ++i) {
    client.send_image({{"seq", i}}, image);
    ASSERT_TRUE(client.image()) << i;
  }
  EXPECT_EQ(server.get("/api/sessions/me").json()["params"]["model"], "sdxl");
}

}  // namespace
}  // namespace streamdiffusion::server

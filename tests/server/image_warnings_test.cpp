// Images that are drawn though something is wrong with them: the client is told, by the one way of
// all warnings.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/running_server.h"
#include "server/sessions/frame_warnings.h"

namespace streamdiffusion::testing {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// The end of a file is lost, as of an upload that broke off; of a PNG, what follows its pixels.
struct Cut {
  const char* type;
  std::string bytes, says;
};

std::vector<Cut> cut_images(const RunningServer& server) {
  const std::string jpeg = noisy_jpeg(), png = png_of(9, 99, 199);
  const std::string webp = server
                               .post("/api/img2img?format=webp&jpeg_quality=100&width=128", jpeg,
                                     {{"Content-Type", "image/jpeg"}})
                               .body;
  return {{"image/jpeg", jpeg.substr(0, jpeg.size() / 2), "image: libjpeg says"},
          {"image/png", png.substr(0, png.size() - 12), "image: the file ends early"},
          {"image/webp", webp.substr(0, webp.size() / 2), "image: the file ends early"}};
}

TEST(ImageWarnings, AreInTheAnswerToARequestForOneImage) {
  RunningServer server;
  for (const Cut& cut : cut_images(server)) {
    const HttpAnswer answer = server.post("/api/img2img", cut.bytes, {{"Content-Type", cut.type}});
    ASSERT_EQ(answer.status, 200) << answer.body;
    ASSERT_TRUE(answer.header.contains("x-warnings")) << cut.type;
    const json warnings = json::parse(answer.header.at("x-warnings"));
    EXPECT_THAT(warnings[0].get<std::string>(), HasSubstr(cut.says));
  }
  const HttpAnswer sound =
      server.post("/api/img2img", noisy_jpeg(), {{"Content-Type", "image/jpeg"}});
  EXPECT_FALSE(sound.header.contains("x-warnings"));
}

json warnings_of(const RunningServer& server) {
  return server.get("/api/sessions/me").json()["warnings"];
}

TEST(ImageWarnings, OfFramesAreToldOnceUntilTheyAreSound) {
  RunningServer server;
  auto client = server.connect("me");
  for (const Cut& cut : cut_images(server)) {
    for (int i = 0; i < 3; ++i) {
      client.send_image({}, cut.bytes);
      ASSERT_TRUE(client.image()) << cut.type;
    }
    const json told = client.await("settings");
    ASSERT_FALSE(told.is_null());
    EXPECT_EQ(told["warnings"], warnings_of(server));
    EXPECT_EQ(told["warnings"][0]["param"], "image");
    EXPECT_THAT(told["warnings"][0].value("message", ""), HasSubstr(cut.says));
    EXPECT_EQ(told["warnings"].size(), 1);
    client.send_image({}, noisy_jpeg());
    ASSERT_TRUE(client.image());
    EXPECT_EQ(client.await("settings")["warnings"], json::array());
  }
}

TEST(ImageWarnings, AStreamOfThemIsToldOnceASecond) {
  server::FrameWarnings warnings;
  auto now = base::Clock::now();
  int times = 0;
  for (int i = 0; i < 100; ++i) {  // ten seconds of half sound frames, each damaged in its own way
    warnings.note({"row " + std::to_string(i)}, now);
    warnings.note({}, now);
    times += warnings.news(now) ? 1 : 0;
    now += 100ms;
  }
  EXPECT_EQ(times, 10);
  EXPECT_THAT(warnings.told(), ElementsAre("row 90"));
}

TEST(ImageWarnings, StandUntilSoundFramesComeForASecond) {
  server::FrameWarnings warnings;
  const auto start = base::Clock::now();
  EXPECT_FALSE(warnings.news(start));
  warnings.note({"cut"}, start);
  EXPECT_TRUE(warnings.news(start));
  EXPECT_FALSE(warnings.news(start + 60s)) << "the image is shown still";
  warnings.note({"cut"}, start + 60s);
  warnings.note({}, start + 60s + 100ms);
  EXPECT_FALSE(warnings.news(start + 60s + 500ms));
  EXPECT_TRUE(warnings.news(start + 62s));
  EXPECT_THAT(warnings.told(), IsEmpty());
}

}  // namespace
}  // namespace streamdiffusion::testing

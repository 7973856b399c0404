// The images that IP-Adapters follow: uploaded, shown, removed, refused, and each session's own.
#include "server/protocol/style_image.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "image/encode.h"
#include "server/engine_stream_factory.h"
#include "server/running_server.h"
#include "support/held_encoder.h"
#include "support/tiny_ip_adapter.h"

namespace streamdiffusion::testing {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using Projection = models::IpAdapterConfig::Projection;

const Fields kJpeg{{"Content-Type", "image/jpeg"}};

std::string png_of(int width, int height) {
  Image image{width, height, {}};
  for (int i = 0; i < width * height * 3; ++i)
    image.rgb.push_back(static_cast<std::uint8_t>(i * 7 % 251));
  const auto bytes = image::encode_png(image);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

class StyleImage : public ::testing::Test {
 protected:
  StyleImage() {
    write_tiny_image_encoder(folder_, "image_encoder");
    file_ = write_tiny_ip_adapter(model_, folder_, "plain.safetensors",
                                  tiny_ip_adapter(model_, Projection::plain), 2);
    LiveSettings settings;
    settings.options.width = settings.options.height = 32;
    factory_.emplace(Engine::open({.model = model_.path(),
                                   .ip_adapters = {{.file = file_}},
                                   .device = "ref",
                                   .dtype = DataType::f32}),
                     settings);
  }
  static json prompt_of(const json& settings) { return settings["params"]["image_prompts"][0]; }
  /// The bytes of the image that a frame becomes once changes have taken effect.
  static std::string settled(WebSocketClient& client) {
    EXPECT_TRUE(wait_until("the change", [&] {
      client.text({{"type", "settings"}, {"params", json::object()}});
      const json settings = client.await("settings");
      return settings.is_null() || settings["reconfiguring"] == false;
    }));
    std::string last;
    for (int i = 0; i < 4; ++i) {
      client.send_image({{"seq", i}}, jpeg_of(200, 100, 50));
      const auto image = client.image();
      EXPECT_TRUE(image.has_value());
      last = image ? image->bytes : "";
    }
    return last;
  }

  TinyModel model_;
  TemporaryFolder folder_;
  std::string file_;
  std::optional<server::EngineStreamFactory> factory_;
};

TEST_F(StyleImage, TheClientIsToldWhileItIsReadAndChangesTheRest) {
  RunningServer server({}, &*factory_);
  auto client = server.connect("me");
  const std::string plain = settled(client);
  HeldEncoder encoder;
  ASSERT_EQ(fetch(server.port(), "PUT", "/api/style_image/me", jpeg_of(10, 200, 30), kJpeg).status,
            200);
  ASSERT_TRUE(encoder.wait());
  const auto comes = [&](bool reading) {
    return wait_until("the message", [&] {
      const json settings = client.await("settings");
      return settings.is_null() || settings["reading_images"] == reading;
    });
  };
  EXPECT_TRUE(comes(true));
  client.text({{"type", "settings"}, {"params", {{"seed", 77}}}});
  EXPECT_TRUE(wait_until("the seed", [&] {
    client.send_image({{"seq", 1}}, jpeg_of(200, 100, 50));
    const auto image = client.image();
    return !image || image->bytes != plain;
  }));
  encoder.release();
  EXPECT_TRUE(comes(false));
}

TEST_F(StyleImage, IsUploadedShownAndRemoved) {
  RunningServer server({}, &*factory_);
  const json schema = server.get("/api/settings").json()["input_params"]["properties"];
  EXPECT_EQ(schema["image_prompts"]["labels"], json({"plain"}));
  auto client = server.connect("me");
  EXPECT_EQ(server.get("/api/style_image/me").status, 404);
  const std::string plain = settled(client);

  const HttpAnswer sent =
      fetch(server.port(), "PUT", "/api/style_image/me?adapter=0", jpeg_of(10, 200, 30), kJpeg);
  ASSERT_EQ(sent.status, 200) << sent.body;
  EXPECT_EQ(prompt_of(sent.json())["images"], 1);
  EXPECT_EQ(prompt_of(client.await("settings"))["images"], 1) << "the client is told";
  const HttpAnswer shown = server.get("/api/style_image/me?adapter=0&image=0&at=1");
  ASSERT_EQ(shown.status, 200);
  EXPECT_EQ(shown.header.at("content-type"), "image/jpeg");
  const std::string styled = settled(client);
  EXPECT_NE(styled, plain);

  client.text({{"type", "settings"}, {"params", {{"image_prompts", {{{"scale", 0}}}}}}});
  EXPECT_EQ(prompt_of(client.await("settings"))["images"], 1) << "what is left out stays";
  EXPECT_EQ(settled(client), plain);
  client.text({{"type", "settings"}, {"params", {{"image_prompts", {{{"scale", 1}}}}}}});
  EXPECT_EQ(settled(client), styled);

  EXPECT_EQ(fetch(server.port(), "POST", "/api/style_image/me", png_of(40, 30), kJpeg).status, 200);
  EXPECT_EQ(server.get("/api/style_image/me?image=1").status, 200);
  EXPECT_THAT(server.get("/api/style_image/me?image=7").body,
              HasSubstr("image is 7, expected 0 to 1"));
  EXPECT_THAT(server.get("/api/style_image/me?adapter=3").body,
              HasSubstr("adapter is 3, expected 0 to 0"));
  EXPECT_NE(settled(client), styled) << "two images";
  const HttpAnswer removed = fetch(server.port(), "DELETE", "/api/style_image/me");
  EXPECT_EQ(removed.status, 200) << removed.body;
  EXPECT_EQ(prompt_of(removed.json())["images"], 0);
  EXPECT_EQ(settled(client), plain);
}

/// Two streams of one engine, one with an image: the other one's bits stay.
TEST_F(StyleImage, OfOneSessionNeverColorsAnother) {
  RunningServer server({}, &*factory_);
  auto first = server.connect("first"), second = server.connect("second");
  const std::string plain = settled(first);
  EXPECT_EQ(settled(second), plain);
  ASSERT_EQ(
      fetch(server.port(), "PUT", "/api/style_image/first", jpeg_of(10, 200, 30), kJpeg).status,
      200);
  const std::string green = settled(first);
  EXPECT_NE(green, plain);
  EXPECT_EQ(settled(second), plain);
  ASSERT_EQ(
      fetch(server.port(), "PUT", "/api/style_image/second", jpeg_of(250, 10, 90), kJpeg).status,
      200);
  const std::string red = settled(second);
  EXPECT_NE(red, plain);
  EXPECT_NE(red, green);
  EXPECT_EQ(settled(first), green);
  auto third = server.connect("third");
  EXPECT_EQ(settled(third), plain) << "a new session begins without";
}

TEST_F(StyleImage, WhatIsNoImageIsRefused) {
  server::ServerOptions options;
  options.limits.image_pixels = 64 * 64;
  options.limits.message_bytes = 1U << 16U;
  RunningServer server(options, &*factory_);
  auto client = server.connect("me");
  const auto put = [&](const std::string& body, const std::string& query = "",
                       const Fields& fields = kJpeg) {
    return fetch(server.port(), "PUT", "/api/style_image/me" + query, body, fields);
  };
  EXPECT_EQ(put("no image").status, 415);
  EXPECT_EQ(put("").status, 415);
  EXPECT_EQ(put(png_of(100, 100)).status, 413) << "pixels";
  EXPECT_EQ(put(std::string(1U << 17U, 'x')).status, 413) << "bytes";
  EXPECT_EQ(put(png_of(64, 3)).status, 400) << "sides";
  EXPECT_EQ(put(png_of(20, 20).substr(0, 40)).status, 415) << "cut, as garbage is";
  EXPECT_EQ(put("{}", "", {{"Content-Type", "application/json"}}).status, 415);
  EXPECT_EQ(put(png_of(8, 8), "?adapter=1").status, 404);
  EXPECT_EQ(put(png_of(8, 8), "?adapter=-1").status, 400);
  EXPECT_EQ(put(png_of(8, 8), "?net=0").status, 400);
  EXPECT_EQ(fetch(server.port(), "PUT", "/api/style_image/nobody", png_of(8, 8), kJpeg).status,
            404);
  for (int i = 0; i < 16; ++i) {
    EXPECT_EQ(fetch(server.port(), "POST", "/api/style_image/me", png_of(8 + i, 8), kJpeg).status,
              200)
        << i;
  }
  const HttpAnswer many = fetch(server.port(), "POST", "/api/style_image/me", png_of(8, 8), kJpeg);
  EXPECT_EQ(many.status, 400);
  EXPECT_THAT(many.body, HasSubstr("16 images already"));
  client.text(
      {{"type", "settings"}, {"params", {{"image_prompts", {{{"style_image", "/etc/passwd"}}}}}}});
  EXPECT_THAT(client.await("error")["message"].get<std::string>(),
              HasSubstr("PUT /api/style_image"));
}

/// Those of style and composition are not known for the tiny UNet, nor for SD-Turbo's.
TEST_F(StyleImage, LayersThatTheUNetIsNotKnownToHaveAreABadParameter) {
  RunningServer server({}, &*factory_);
  const json schema = server.get("/api/settings").json()["input_params"]["properties"];
  EXPECT_EQ(schema["image_prompts"]["items"]["properties"]["layers"]["enum"], json({"whole"}));
  auto client = server.connect("me");
  const json style{{"image_prompts", {{{"layers", "style"}}}}};
  json image = style;
  image["image"] = base64(png_of(30, 20));
  for (const HttpAnswer& answer :
       {fetch(server.port(), "PATCH", "/api/sessions/me", style.dump()),
        server.post("/api/img2img", image.dump()), server.post("/api/txt2img", style.dump())}) {
    EXPECT_EQ(answer.status, 400) << answer.body;
    EXPECT_EQ(answer.json()["error"]["code"], "bad_request");
    EXPECT_EQ(answer.json()["error"]["param"], "image_prompts");
    EXPECT_THAT(answer.body, HasSubstr("expected whole"));
  }
  client.text({{"type", "settings"}, {"params", style}});
  EXPECT_EQ(client.await("error")["param"], "image_prompts");
  client.text({{"type", "settings"}, {"params", {{"image_prompts", {{{"layers", "whole"}}}}}}});
  EXPECT_EQ(prompt_of(client.await("settings"))["layers"], "whole");
}

TEST_F(StyleImage, OfOneRequestIsInItsBody) {
  RunningServer server({}, &*factory_);
  const auto image = [&](const json& members) {
    json body{{"prompt", "cat"}, {"format", "png"}};
    body.update(members);
    return server.post("/api/txt2img", body.dump());
  };
  const std::string encoded = base64(png_of(30, 20));
  const HttpAnswer plain = image(json::object());
  ASSERT_EQ(plain.status, 200) << plain.body;
  const HttpAnswer styled = image({{"image_prompts", {{{"style_image", encoded}}}}});
  ASSERT_EQ(styled.status, 200) << styled.body;
  EXPECT_NE(styled.body, plain.body);
  EXPECT_EQ(image(json::object()).body, plain.body) << "the next request has none";
  EXPECT_EQ(image({{"image_prompts", {{{"style_image", "%%"}}}}}).status, 400);
  EXPECT_EQ(image({{"image_prompts", {{{"style_image", "aGVsbG8="}}}}}).status, 415);
}

TEST(ReadStyleImage, KeepsWhatAnEncoderSees) {
  std::vector<std::string> warnings;
  const auto large = server::read_style_image(png_of(1300, 900), 1 << 24, warnings);
  EXPECT_EQ(large->width, 512);
  EXPECT_EQ(large->height, 512);
  const auto small = server::read_style_image(png_of(40, 30), 1 << 24, warnings);
  EXPECT_EQ(small->width, 30);
  EXPECT_EQ(small->height, 30);
  EXPECT_TRUE(warnings.empty());
}

TEST_F(StyleImage, OneThatEndsEarlyActsAndTheClientIsTold) {
  RunningServer server({}, &*factory_);
  auto client = server.connect("me");
  const std::string png = png_of(30, 20), cut = png.substr(0, png.size() - 12);
  const auto settings = [&](const std::string& image) {
    return fetch(server.port(), "PUT", "/api/style_image/me", image, kJpeg).json();
  };
  const json warning = settings(cut)["warnings"].at(0);
  EXPECT_EQ(warning["param"], "image_prompts");
  EXPECT_THAT(warning.value("message", ""), HasSubstr("the file ends early"));
  EXPECT_EQ(settings(png)["warnings"], json::array());
  const json body{{"image_prompts", {{{"style_image", base64(cut)}}}}};
  const HttpAnswer answer = server.post("/api/txt2img", body.dump());
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_THAT(answer.header.at("x-warnings"), HasSubstr("the file ends early"));
}

}  // namespace
}  // namespace streamdiffusion::testing

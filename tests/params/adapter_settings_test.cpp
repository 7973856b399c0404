// Scales of LoRAs and settings of ControlNets by name, as clients of the server set them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "params/check.h"
#include "server/parameters.h"
#include "streamdiffusion/streamdiffusion.h"
#include "support/fake_stream_factory.h"

namespace streamdiffusion::params {
namespace {

using nlohmann::json;

class FactoryWithLoras : public streamdiffusion::testing::FakeStreamFactory {
 public:
  FactoryWithLoras() : model_(FakeStreamFactory::info()) { model_.loras = {"pixel", "style"}; }
  const server::ServedModel& info() const override { return model_; }
  SessionOptions with_defaults(const SessionOptions& options) const override {
    SessionOptions full = FakeStreamFactory::with_defaults(options);
    if (full.lora_scales.empty()) full.lora_scales = {1, 0.5F};
    return full;
  }

 private:
  server::ServedModel model_;
};

TEST(AdapterSettings, TheScalesOfLorasAreOfferedWhereThereAreLoras) {
  const FactoryWithLoras factory;
  const server::ParameterTable table(factory, {});
  const json scales = table.schema()["properties"]["lora_scales"];
  EXPECT_EQ(scales["labels"], json({"pixel", "style"}));
  EXPECT_EQ(scales["maxItems"], 2);
  EXPECT_EQ(scales["default"], json({1, 0.5}));
  const server::Parameters changed = table.apply(
      server::parse_client_json(R"({"lora_scales": [0, 0.25]})", "test"), table.defaults());
  EXPECT_EQ(changed.live.options.lora_scales, (std::vector<float>{0, 0.25F}));
  const streamdiffusion::testing::FakeStreamFactory without;
  EXPECT_FALSE(server::ParameterTable(without, {}).schema()["properties"].contains("lora_scales"));
}

class FactoryWithControlNets : public streamdiffusion::testing::FakeStreamFactory {
 public:
  FactoryWithControlNets() : model_(FakeStreamFactory::info()), start_(initial_settings_of()) {
    model_.controlnets = {"canny", "depth"};
  }
  const server::ServedModel& info() const override { return model_; }
  const LiveSettings& initial_settings() const override { return start_; }

 private:
  LiveSettings initial_settings_of() const {
    LiveSettings start = FakeStreamFactory::initial_settings();
    start.options.control_settings = {
        {.scale = 0.5F, .image = {.preprocessor = Preprocessor::canny}}, {}};
    return start;
  }
  server::ServedModel model_;
  LiveSettings start_;
};

TEST(AdapterSettings, SettingsOfControlNetsAreOfferedWhereThereAreSome) {
  const FactoryWithControlNets factory;
  const server::ParameterTable table(factory, {});
  const json schema = table.schema()["properties"]["control_settings"];
  EXPECT_EQ(schema["labels"], json({"canny", "depth"}));
  EXPECT_EQ(schema["maxItems"], 2);
  EXPECT_EQ(schema["items"]["properties"]["conditioning_scale"]["maximum"], 10);
  EXPECT_EQ(schema["items"]["properties"]["preprocessor_params"]["properties"]["sigma"]["default"],
            3);
  EXPECT_EQ(schema["default"][0]["preprocessor"], "canny");
  EXPECT_EQ(schema["default"][0]["conditioning_scale"], 0.5);
  const streamdiffusion::testing::FakeStreamFactory without;
  EXPECT_FALSE(
      server::ParameterTable(without, {}).schema()["properties"].contains("control_settings"));
}

TEST(AdapterSettings, WhatAnObjectOfAControlNetLeavesOutStays) {
  const FactoryWithControlNets factory;
  const server::ParameterTable table(factory, {});
  const auto apply = [&](const char* text) {
    return table.apply(server::parse_client_json(text, "test"), table.defaults())
        .live.options.control_settings;
  };
  const auto changed = apply(R"({"control_settings": [
      {"enabled": false, "preprocessor_params": {"low_threshold": 50}},
      {"control_guidance_end": 0.5, "guess_mode": true, "preprocessor": "blur"}]})");
  ASSERT_EQ(changed.size(), 2U);
  const ControlImageOptions canny{.preprocessor = Preprocessor::canny, .low_threshold = 50};
  EXPECT_EQ(changed[0], (ControlSettings{.scale = 0.5F, .enabled = false, .image = canny}));
  const ControlImageOptions blur{.preprocessor = Preprocessor::blur};
  EXPECT_EQ(changed[1], (ControlSettings{.end = 0.5F, .guess_mode = true, .image = blur}));
  const auto first = apply(R"({"control_settings": [{"conditioning_scale": 2}]})");
  ASSERT_EQ(first.size(), 2U) << "nets behind the list's end stay as they are";
  EXPECT_EQ(first[0].scale, 2);
  EXPECT_EQ(first[1], table.defaults().live.options.control_settings[1]);
  for (const char* wrong :
       {R"({"control_settings": [{"scale": 1}]})", R"({"control_settings": []})",
        R"({"control_settings": [1]})", R"({"control_settings": {"conditioning_scale": 1}})",
        R"({"control_settings": [{"preprocessor": "openpose"}]})",
        R"({"control_settings": [{"preprocessor_params": {"sigma": 0}}]})",
        R"({"control_settings": [{"preprocessor_params": {"radius": 1}}]})",
        R"({"control_settings": [{}, {}, {}]})"}) {
    EXPECT_THROW(apply(wrong), server::HttpError) << wrong;
  }
}

TEST(AdapterSettings, ARefusalNamesThePathAndTheParameter) {
  const FactoryWithControlNets factory;
  const server::ParameterTable table(factory, {});
  try {
    table.apply(server::parse_client_json(
                    R"({"control_settings": [{}, {"conditioning_scale": 11}]})", "test"),
                table.defaults());
    FAIL() << "11 is taken";
  } catch (const server::HttpError& error) {
    EXPECT_EQ(error.param(), "control_settings");
    EXPECT_THAT(error.what(),
                ::testing::HasSubstr(R"("control_settings"[1]."conditioning_scale" is 11)"));
  }
}

TEST(AdapterSettings, ARefusalNamesTheScaleThatIsWrong) {
  const FactoryWithLoras factory;
  const server::ParameterTable table(factory, {});
  try {
    table.apply(server::parse_client_json(R"({"lora_scales": [0, 11]})", "test"), table.defaults());
    FAIL() << "11 is taken";
  } catch (const server::HttpError& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr(
                                  R"("lora_scales"[1] is 11, expected a number from -10 to 10)"));
  }
}

TEST(AdapterSettings, WhatAControlNetsSettingsSayTogetherIsRefusedInTheWordsOfTheProtocol) {
  const FactoryWithControlNets factory;
  const server::ParameterTable table(factory, {});
  const std::pair<const char*, const char*> cases[]{
      {R"({"control_settings": [{"control_guidance_start": 0.8, "control_guidance_end": 0.3}]})",
       R"([0]."control_guidance_start" is 0.8, expected less than control_guidance_end, 0.3)"},
      {R"({"control_settings": [{"preprocessor_params": {"high_threshold": 50}}]})",
       R"("high_threshold" is 50, expected at least low_threshold, 100)"}};
  for (const auto& [text, message] : cases) {
    try {
      table.apply(server::parse_client_json(text, "test"), table.defaults());
      FAIL() << text;
    } catch (const server::HttpError& error) {
      EXPECT_THAT(error.what(), ::testing::HasSubstr(message));
    }
  }
}

class FactoryWithIpAdapters : public streamdiffusion::testing::FakeStreamFactory {
 public:
  FactoryWithIpAdapters()
      : model_(FakeStreamFactory::info()), start_(FakeStreamFactory::initial_settings()) {
    model_.ip_adapters = {"plain", "plus"};
    model_.work.ip_adapters = {0.01, 0.25};
    const auto image = std::make_shared<const Image>(Image{1, 1, {1, 2, 3}});
    start_.options.image_prompts = {{.scale = 0.5F, .images = {image, image}}, {}};
  }
  const server::ServedModel& info() const override { return model_; }
  const LiveSettings& initial_settings() const override { return start_; }

 private:
  server::ServedModel model_;
  LiveSettings start_;
};

TEST(AdapterSettings, ImagePromptsAreOfferedWhereThereAreIpAdapters) {
  const FactoryWithIpAdapters factory;
  const server::ParameterTable table(factory, {});
  const json schema = table.schema()["properties"]["image_prompts"];
  EXPECT_EQ(schema["labels"], json({"plain", "plus"}));
  EXPECT_EQ(schema["maxItems"], 2);
  EXPECT_EQ(schema["items"]["properties"]["layers"]["enum"],
            json({"whole", "style", "composition"}));
  EXPECT_EQ(schema["default"][0]["scale"], 0.5);
  EXPECT_EQ(schema["default"][0]["images"], 2);
  const streamdiffusion::testing::FakeStreamFactory without;
  EXPECT_FALSE(
      server::ParameterTable(without, {}).schema()["properties"].contains("image_prompts"));
}

TEST(AdapterSettings, WhatAnImagePromptLeavesOutStaysAndItsImagesMayBeFewer) {
  const FactoryWithIpAdapters factory;
  const server::ParameterTable table(factory, {});
  const auto apply = [&](const std::string& text, const server::ReadStyleImage& read = {}) {
    return table.apply(server::parse_client_json(text, "test"), table.defaults(), read)
        .live.options.image_prompts;
  };
  const std::string shown =
      json{{"image_prompts", table.write(table.defaults())["image_prompts"]}}.dump();
  EXPECT_EQ(apply(shown), table.defaults().live.options.image_prompts) << "given back, no change";
  const auto changed =
      apply(R"({"image_prompts": [{"layers": "style"}, {"scale": 2, "enabled": false}]})");
  EXPECT_EQ(changed[0].layers, ImageLayers::style);
  EXPECT_EQ(apply(R"({"image_prompts": [{"scale": 2}]})").size(), 2U) << "the others stay";
  EXPECT_EQ(changed[0].scale, 0.5F);
  EXPECT_EQ(changed[0].images.size(), 2U);
  EXPECT_FALSE(changed[1].enabled);
  EXPECT_EQ(apply(R"({"image_prompts": [{"images": 1}, {}]})")[0].images.size(), 1U);
  EXPECT_TRUE(apply(R"({"image_prompts": [{"style_image": []}, {}]})")[0].images.empty());
  const auto read = [](const std::string& text, std::vector<std::string>&) {
    return std::make_shared<const Image>(
        Image{1, 1, std::vector<std::uint8_t>(3, static_cast<std::uint8_t>(text[0]))});
  };
  const auto given = apply(R"({"image_prompts": [{"style_image": ["A", "B"]}, {}]})", read);
  ASSERT_EQ(given[0].images.size(), 2U);
  EXPECT_EQ(given[0].images[1]->rgb[0], 'B');
  EXPECT_TRUE(given[0].files.empty());
  for (const char* wrong :
       {R"({"image_prompts": [{"weight": 1}, {}]})", R"({"image_prompts": [1, 2]})",
        R"({"image_prompts": {"scale": 1}})", R"({"image_prompts": [{"layers": "colors"}, {}]})",
        R"({"image_prompts": [{"images": 3}, {}]})", R"({"image_prompts": [{"images": -1}, {}]})",
        R"({"image_prompts": [{"style_image": "/etc/passwd"}, {}]})",
        R"({"image_prompts": [{"style_image": ""}, {}]})",
        R"({"image_prompts": [{"style_image": ["a"], "images": 1}, {}]})",
        R"({"image_prompts": [{}, {}, {}]})"}) {
    EXPECT_THROW(apply(wrong), server::HttpError) << wrong;
  }
}

TEST(AdapterSettings, LayersAreTakenWholeWhereTheUNetsAreNotKnown) {
  class Unknown : public FactoryWithIpAdapters {
   public:
    Unknown() : model_(FactoryWithIpAdapters::info()) { model_.image_layers = false; }
    const server::ServedModel& info() const override { return model_; }

   private:
    server::ServedModel model_;
  };
  const Unknown factory;
  const server::ParameterTable table(factory, {});
  const json items = table.schema()["properties"]["image_prompts"]["items"];
  EXPECT_EQ(items["properties"]["layers"]["enum"], json({"whole"}));
  const auto apply = [&](const char* text) {
    return table.apply(server::parse_client_json(text, "test"), table.defaults());
  };
  EXPECT_NO_THROW(apply(R"({"image_prompts": [{"layers": "whole", "scale": 2}]})"));
  try {
    apply(R"({"image_prompts": [{}, {"layers": "composition"}]})");
    ADD_FAILURE() << "layers that are not known were taken";
  } catch (const server::HttpError& error) {
    EXPECT_EQ(error.status(), 400);
    EXPECT_EQ(error.param(), "image_prompts");
    EXPECT_THAT(error.what(),
                ::testing::HasSubstr(R"([1]."layers" is string "composition", expected whole)"));
  }
}

TEST(AdapterSettings, AnAdapterOfTooManyImagesIsNamed) {
  const auto refused = [](const LiveSettings& live, const EngineOptions& engine) -> std::string {
    try {
      params::check(Settings{.engine = engine, .live = live});
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  IpAdapter adapter{.file = "a", .image_encoder = {}, .prompt = {}};
  adapter.prompt.files.assign(17, "b.png");
  const EngineOptions engine{.ip_adapters = {adapter}};
  EXPECT_EQ(refused({}, engine), "ipadapters[0] has 17 images, expected at most 16");
  LiveSettings live;
  live.options.image_prompts = {{}, adapter.prompt};
  EXPECT_EQ(refused(live, {}), "image_prompts[1] has 17 images, expected at most 16");
  std::string images = R"("b")";
  for (int i = 0; i < 16; ++i) images += R"(, "b")";
  const FactoryWithIpAdapters factory;
  const server::ParameterTable table(factory, {});
  try {
    const std::string text = R"({"image_prompts": [{"style_image": [)" + images + "]}]}";
    table.apply(server::parse_client_json(text, "test"), table.defaults());
    ADD_FAILURE() << "17 images were taken";
  } catch (const server::HttpError& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr("17 items, expected at most 16 images"));
  }
}

TEST(AdapterSettings, TheLimitOfWorkCountsControlNetsAndIpAdapters) {
  FactoryWithControlNets nets;
  const server::ParameterTable free(nets, {});
  const auto size = free.write(free.defaults());
  const auto rows = size["t_index_list"].size();
  const std::int64_t pixels = size["width"].get<int>() * size["height"].get<int>();
  class Heavy : public FactoryWithControlNets {
   public:
    Heavy()
        : model_(FactoryWithControlNets::info()), start_(FakeStreamFactory::initial_settings()) {
      model_.work.controlnets = {{0.5, 0.1}, {0.5, 0}};
      start_.options.control_settings = {{.enabled = false}, {.enabled = false}};
    }
    const server::ServedModel& info() const override { return model_; }
    const LiveSettings& initial_settings() const override { return start_; }

   private:
    server::ServedModel model_;
    LiveSettings start_;
  };
  const Heavy factory;
  const auto limit = static_cast<std::int64_t>(1.7 * static_cast<double>(rows * pixels));
  const server::ParameterTable table(factory, {.work = limit});
  const auto apply = [&](const char* text) {
    return table.apply(server::parse_client_json(text, "test"), table.defaults());
  };
  EXPECT_NO_THROW(apply(R"({"control_settings": [{"enabled": true}, {}]})"));
  try {
    apply(R"({"control_settings": [{"enabled": true}, {"enabled": true}]})");
    ADD_FAILURE() << "two nets were taken";
  } catch (const server::HttpError& error) {
    EXPECT_EQ(error.code(), "too_much_work");
    EXPECT_NE(std::string(error.what()).find("ControlNets, IP-Adapters or cached frames"),
              std::string::npos)
        << error.what();
  }
}

}  // namespace
}  // namespace streamdiffusion::params

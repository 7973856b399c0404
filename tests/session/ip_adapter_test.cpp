// IP-Adapters on an engine: images as prompts of a stream, their scales, and changes while it runs.
// What is refused: ip_adapter_errors_test.cpp.
#include <gtest/gtest.h>

#include <filesystem>

#include "session/engine_impl.h"
#include "streamdiffusion/engine.h"
#include "support/environment.h"
#include "support/stream_pixels.h"
#include "support/tiny_ip_adapter.h"

namespace streamdiffusion {
namespace {

using Projection = models::IpAdapterConfig::Projection;
using testing::append;
using testing::patterned_image;
using testing::Pixels;
using testing::TemporaryFolder;
using testing::TinyFamily;
using testing::TinyModel;
using testing::worst;
using SharedImage = std::shared_ptr<const Image>;

constexpr int kImageSide = 32;

SharedImage style(int number, int width = 20, int height = 30) {
  return std::make_shared<const Image>(patterned_image(number, width, height));
}

class IpAdapters : public ::testing::Test {
 protected:
  IpAdapters() : IpAdapters(TinyFamily::sd) {}
  explicit IpAdapters(TinyFamily family) : model_(family) {
    testing::write_tiny_image_encoder(folder_, "image_encoder");
    for (const auto& [name, projection] : {std::pair("plain", Projection::plain),
                                           {"plus", Projection::plus},
                                           {"full", Projection::full}}) {
      testing::write_tiny_ip_adapter(model_, folder_, std::string(name) + ".safetensors",
                                     testing::tiny_ip_adapter(model_, projection), 1.5F);
    }
  }

  IpAdapter adapter(const char* name, ImagePrompt prompt = {}) const {
    return {.file = (folder_.path() / (std::string(name) + ".safetensors")).string(),
            .image_encoder = {},
            .prompt = std::move(prompt)};
  }
  EngineOptions engine_options(const std::vector<IpAdapter>& adapters) const {
    return {.model = model_.path(),
            .ip_adapters = adapters,
            .device = SD_TEST_DEVICE,
            .dtype = DataType::f32,
            .threads = 1};
  }
  Engine open(const std::vector<IpAdapter>& adapters) const {
    return Engine::open(engine_options(adapters));
  }
  static SessionOptions options(const std::vector<int>& t_index_list, CfgType cfg = CfgType::self) {
    return {.width = kImageSide,
            .height = kImageSide,
            .t_index_list = t_index_list,
            .cfg_type = cfg,
            .guidance_scale = 1.4F,
            .keep_tensors = true};
  }
  static std::vector<Pixels> run(Session& session, int count = 4, std::uint64_t first = 0) {
    std::vector<Pixels> out;
    for (int i = 0; i < count; ++i) {
      append(out, session.process(patterned_image(i), first + static_cast<std::uint64_t>(i)));
    }
    append(out, session.flush());
    return out;
  }
  std::vector<Pixels> images(const std::vector<IpAdapter>& adapters,
                             CfgType cfg = CfgType::self) const {
    Engine engine = open(adapters);
    Session made = engine.session(options({20, 40}, cfg));
    return run(made);
  }

  TinyModel model_;
  TemporaryFolder folder_;
};

/// The oracle: the same frames one after another, all steps of a frame before the next.
TEST_F(IpAdapters, TheStreamBatchAgreesWithSequentialDenoising) {
  Engine engine = open({adapter("plain", {.images = {style(1), style(2)}}),
                        adapter("plus", {.scale = 0.6F, .images = {style(3)}})});
  for (const std::vector<int>& list :
       {std::vector<int>{32}, {20, 40}, {10, 25, 40}, {0, 16, 32, 45}}) {
    for (const CfgType cfg : {CfgType::none, CfgType::self, CfgType::initialize, CfgType::full}) {
      SessionOptions o = options(list, cfg);
      Session batch = engine.session(o);
      o.use_denoising_batch = false;
      Session sequential = engine.session(o);
      EXPECT_LE(worst(run(batch), run(sequential)), 2e-4)
          << list.size() << " steps, cfg " << static_cast<int>(cfg);
    }
  }
}

TEST_F(IpAdapters, RowsOnThreadsOfTheirOwnSeeTheSameImages) {
  Engine engine = Engine::open({.model = model_.path(),
                                .ip_adapters = {adapter("plus", {.images = {style(3)}})},
                                .device = SD_TEST_DEVICE,
                                .dtype = DataType::f32,
                                .threads = 2});
  SessionOptions o = options({10, 25, 40}, CfgType::full);
  o.parallel = Parallel::ops;
  Session by_ops = engine.session(o);
  o.parallel = Parallel::rows;
  Session by_rows = engine.session(o);
  EXPECT_LE(worst(run(by_ops), run(by_rows)), 2e-4);
}

TEST_F(IpAdapters, WithoutImagesBitsAndProgramsAreTheModelsOwn) {
  Engine plain = open({}), engine = open({adapter("plain"), adapter("plus")});
  Session without = plain.session(options({20, 40})), off = engine.session(options({20, 40}));
  EXPECT_EQ(engine.ops(off).size(), plain.ops(without).size());
  const std::vector<Pixels> expected = run(without);
  EXPECT_EQ(run(off), expected);
  EXPECT_EQ(images({adapter("plain", {.scale = 0, .images = {style(1)}})}), expected);
}

TEST_F(IpAdapters, ImagesScalesAndAdaptersChangeTheResult) {
  const auto plain = images({}), one = images({adapter("plain", {.images = {style(1)}})});
  EXPECT_NE(one, plain);
  EXPECT_NE(images({adapter("plain", {.images = {style(2)}})}), one);
  EXPECT_NE(images({adapter("plain", {.scale = 0.5F, .images = {style(1)}})}), one);
  EXPECT_NE(images({adapter("plain", {.images = {style(1), style(2)}})}), one);
  EXPECT_NE(images({adapter("plus", {.images = {style(1)}})}), one);
  EXPECT_NE(images({adapter("full", {.images = {style(1)}})}), one);
  EXPECT_NE(images({adapter("plain", {.images = {style(1)}}), adapter("plus")}),
            images({adapter("plain"), adapter("plus", {.images = {style(1)}})}));
}

/// All images' tokens share one softmax, so equal ones count as one, in any order.
TEST_F(IpAdapters, SeveralImagesAreOnePrompt) {
  const auto with = [&](std::vector<SharedImage> all) {
    return images({adapter("plus", {.images = std::move(all)})}, CfgType::full);
  };
  EXPECT_LE(worst(with({style(1), style(1)}), with({style(1)})), 1e-5);
  EXPECT_LE(worst(with({style(1), style(2)}), with({style(2), style(1)})), 1e-5);
}

TEST_F(IpAdapters, KeysAndValuesAreThosePerPrompt) {
  Engine engine = open({adapter("plain", {.images = {style(1)}})});
  Session made = engine.session(options({20, 40}));
  int found = 0;
  for (const OpInfo& op : engine.ops(made)) {
    const bool key = op.name.find("to_k_ip") != std::string::npos;
    const bool value = op.name.find("to_v_ip") != std::string::npos;
    if (!key && !value) continue;
    ++found;
    EXPECT_EQ(op.lifetime, "per prompt") << op.name;
  }
  EXPECT_EQ(found, 2 * testing::tiny_ip_adapter(model_, Projection::plain).attentions);
}

TEST_F(IpAdapters, ChangesEndAsAFreshSessionWouldBegin) {
  Engine engine = open({adapter("plain"), adapter("plus")});
  Session changing = engine.session(options({10, 25, 40}, CfgType::full));
  const std::vector<std::vector<ImagePrompt>> all{
      {{.images = {style(1)}}, {}},
      {{.scale = 0.4F, .images = {style(1)}}, {}},
      {{.scale = 0.4F, .images = {style(2)}}, {.images = {style(3), style(4)}}},
      {{}, {}}};
  for (const auto& prompts : all) {
    changing.set_image_prompts(prompts);
    changing.process(patterned_image(7));
  }
  changing.flush();
  std::uint64_t id = 100;
  for (const auto& prompts : all) {
    changing.set_image_prompts(prompts);
    SessionOptions o = options({10, 25, 40}, CfgType::full);
    o.image_prompts = prompts;
    Session fresh = engine.session(o);
    EXPECT_EQ(run(changing, 4, id), run(fresh));
    id += 100;
  }
}

TEST_F(IpAdapters, OtherSettingsLeaveTheImagesInForce) {
  Engine engine = open({adapter("plain")});
  SessionOptions o = options({10, 40});
  o.image_prompts = {{.images = {style(1)}}};
  Session changing = engine.session(o);
  changing.set_prompt("a cat");
  changing.process(patterned_image(0));
  changing.flush();
  changing.set_t_index_list({20, 40});
  o.t_index_list = {20, 40};
  Session fresh = engine.session(o);
  fresh.set_prompt("a cat");
  EXPECT_EQ(run(changing, 4, 10), run(fresh));
}

TEST_F(IpAdapters, WhatIsPreparedIsNotReadAgain) {
  Engine engine = open({adapter("plus")});
  SessionOptions o = options({20, 40}, CfgType::full);
  Session made = engine.session(o);
  o.image_prompts = {{.images = {style(1), style(2)}}};
  const auto prepared = engine.prepare_image_prompts(o);
  std::filesystem::resize_file(folder_.path() / "image_encoder/model.safetensors", 8);
  EXPECT_NO_THROW(made.set_image_prompts(o.image_prompts));
  EXPECT_THROW(made.set_image_prompts({{.images = {style(5)}}}), Error);
  EXPECT_EQ(run(made).size(), 4U);  // it goes on
}

TEST_F(IpAdapters, TheEncoderIsForetoldAndDroppedAfterUse) {
  Engine engine = open({adapter("plus")});
  SessionOptions o = options({20, 40});
  EXPECT_EQ(engine.memory_need(o).image_encoder, 0U);
  const std::size_t unet = engine.memory_need(o).unet;
  Session made = engine.session(o);
  const std::size_t before = engine.info().weight_bytes;
  o.image_prompts = {{.images = {style(1)}}};
  const MemoryNeed need = engine.memory_need(o);
  EXPECT_GT(need.image_encoder, 0U);
  made.set_image_prompts(o.image_prompts);
  // Keys and values, in blocks that their layout fills up.
  const std::size_t added = engine.info().weight_bytes - before;
  EXPECT_GE(added, need.unet - unet);
  EXPECT_LT(added, need.image_encoder / 4);
  made.set_image_prompts({{.images = {style(2)}}});
  EXPECT_EQ(engine.info().weight_bytes - before, added);
}

/// From the image to the tokens, and from none, against transformers and diffusers.
TEST_F(IpAdapters, TheTokensAreThoseOfPython) {
  const json::Json golden =
      json::Json::read(testing::data_folder(SD_TEST_DATA_DIR) / "golden/ip_adapter/tokens.json");
  Image picture{12, 12, {}};
  for (const std::int64_t byte : golden.at("pixels").integers()) {
    picture.rgb.push_back(static_cast<std::uint8_t>(byte));
  }
  const std::vector<SharedImage> pictures{std::make_shared<const Image>(picture)};
  for (const auto& [name, projection] : {std::pair("plain", Projection::plain),
                                         {"plus", Projection::plus},
                                         {"full", Projection::full}}) {
    const std::string file = testing::write_tiny_ip_adapter(
        model_, folder_, "same.safetensors", testing::tiny_ip_adapter(model_, projection));
    Engine::Impl engine(engine_options({{.file = file, .image_encoder = {}, .prompt = {}}}), {});
    const auto tokens = engine.images.encode(0, pictures, true);
    ASSERT_EQ(tokens.size(), 2U);
    for (const std::size_t which : {0U, 1U}) {
      const json::Json expected =
          golden.at("outputs").at(std::string(name) + (which == 0 ? "" : "_none"));
      const std::vector<float>& found = *tokens[which];
      const json::Json values = expected.at("values");
      ASSERT_EQ(found.size(), values.size());
      for (std::size_t k = 0; k < values.size(); ++k) {
        EXPECT_NEAR(found[k * 7919 % found.size()], values[k].number(),
                    1e-4 * expected.at("max_abs").number())
            << name << " " << which;
      }
    }
  }
}

class SdxlIpAdapters : public IpAdapters {
 protected:
  SdxlIpAdapters() : IpAdapters(TinyFamily::sdxl) {}
};

class WholeSdxlIpAdapters : public IpAdapters {
 protected:
  WholeSdxlIpAdapters() : IpAdapters(TinyFamily::whole_sdxl) {}
};

TEST_F(WholeSdxlIpAdapters, LayersAreValuesAndOfTheirOwn) {
  Engine engine = open({adapter("plus", {.images = {style(1)}})});
  Session made = engine.session(options({20, 40}));
  const std::size_t ops = engine.ops(made).size();
  const auto whole = run(made);
  made.set_image_prompts({{.layers = ImageLayers::style, .images = {style(1)}}});
  EXPECT_EQ(engine.ops(made).size(), ops);
  const auto style_only = run(made, 4, 10);
  EXPECT_NE(style_only, whole);
  EXPECT_NE(style_only, images({}));
}

TEST_F(SdxlIpAdapters, TheStreamBatchAgreesWithSequentialDenoising) {
  Engine engine = open({adapter("plus", {.images = {style(1)}})});
  for (const CfgType cfg : {CfgType::self, CfgType::full}) {
    SessionOptions o = options({10, 25, 40}, cfg);
    Session batch = engine.session(o);
    o.use_denoising_batch = false;
    Session sequential = engine.session(o);
    EXPECT_LE(worst(run(batch), run(sequential)), 2e-4);
  }
}

}  // namespace
}  // namespace streamdiffusion

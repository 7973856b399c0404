// Session: frames in, images out, changes between them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <limits>
#include <stop_token>

#include "backend/backend.h"
#include "base/log.h"
#include "session/choose_threads.h"
#include "session/executable_cache.h"
#include "streamdiffusion/streamdiffusion.h"
#include "support/environment.h"
#include "support/errors.h"
#include "support/tiny_model.h"

namespace streamdiffusion {
namespace {

using testing::expect_error;
using ::testing::HasSubstr;
using testing::TinyModel;

const std::string& model_path() {
  static const TinyModel model;
  static const std::string path = model.path();
  return path;
}

Engine open(int threads = 2) {
  return Engine::open({.model = model_path(),
                       .device = testing::device_or(SD_TEST_DEVICE),
                       .dtype = DataType::f32,
                       .threads = threads});
}

SessionOptions small() {
  return {.width = 32, .height = 24, .t_index_list = {22, 45}, .cfg_type = CfgType::self};
}

Image frame(int id, int width = 32, int height = 24) {
  Image image{width, height, {}};
  for (int i = 0; i < width * height * 3; ++i)
    image.rgb.push_back(static_cast<std::uint8_t>((i * 7 + id * 31) & 0xff));
  return image;
}

std::vector<Output> draw(Session& session, int count) {
  std::vector<Output> outputs;
  for (int i = 0; i < count; ++i) {
    if (auto output = session.process(frame(i))) outputs.push_back(std::move(*output));
  }
  for (Output& output : session.flush()) outputs.push_back(std::move(output));
  return outputs;
}

double mean_difference(const Image& a, const Image& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.rgb.size(); ++i) sum += std::abs(int{a.rgb[i]} - int{b.rgb[i]});
  return sum / static_cast<double>(a.rgb.size());
}

TEST(Session, NInputsGiveNOutputsInOrderForEveryShapeOfStream) {
  Engine engine = open();
  for (const int frames : {1, 2, 3}) {
    for (const std::vector<int>& list : {std::vector<int>{32}, {22, 45}, {5, 22, 45}}) {
      SessionOptions options = small();
      options.frame_buffer_size = frames;
      options.t_index_list = list;
      Session session = engine.session(options);
      const std::vector<Output> outputs = draw(session, 7);
      ASSERT_EQ(outputs.size(), 7U);
      for (std::size_t i = 0; i < outputs.size(); ++i) EXPECT_EQ(outputs[i].frame_id, i);
    }
  }
}

TEST(Session, NothingComesOutBeforeAFrameHasPassedAllSteps) {
  Session session = open().session(small());
  EXPECT_FALSE(session.process(frame(0)).has_value());
  EXPECT_EQ(session.process(frame(1))->frame_id, 0U);
}

TEST(Session, StreamBatchDrawsWhatSequentialDraws) {
  Engine engine = open();
  for (const CfgType cfg : {CfgType::none, CfgType::full, CfgType::self, CfgType::initialize}) {
    SessionOptions options = small();
    options.cfg_type = cfg;
    Session batch = engine.session(options);
    options.use_denoising_batch = false;
    Session sequential = engine.session(options);
    const auto a = draw(batch, 4), b = draw(sequential, 4);
    ASSERT_EQ(a.size(), b.size());
    for (std::size_t i = 0; i < a.size(); ++i)
      EXPECT_LE(mean_difference(a[i].image, b[i].image), 0.02) << "cfg " << static_cast<int>(cfg);
  }
}

TEST(Session, RowsOnTheirOwnThreadsGiveWhatOpsOnAllThreadsGive) {
  Engine engine = open();
  SessionOptions options = small();
  options.t_index_list = {5, 22, 45};
  options.parallel = Parallel::ops;
  Session ops = engine.session(options);
  options.parallel = Parallel::rows;
  Session rows = engine.session(options);
  const auto a = draw(ops, 4), b = draw(rows, 4);
  for (std::size_t i = 0; i < a.size(); ++i)
    EXPECT_LE(mean_difference(a[i].image, b[i].image), 0.02);
}

TEST(Session, TwoRunsGiveTheSameBits) {
  Engine engine = open();
  Session a = engine.session(small()), b = engine.session(small());
  const auto first = draw(a, 4), second = draw(b, 4);
  for (std::size_t i = 0; i < first.size(); ++i) EXPECT_EQ(first[i].image.rgb, second[i].image.rgb);
}

TEST(Session, OutputIsTheSameWithAndWithoutNeighbors) {
  Engine engine = open();
  Session alone = engine.session(small());
  const auto expected = draw(alone, 4);
  Session a = engine.session(small()), b = engine.session(small());
  b.set_prompt("something else");
  std::vector<Output> outputs;
  for (int i = 0; i < 4; ++i) {
    b.process(frame(40 + i));
    if (auto output = a.process(frame(i))) outputs.push_back(std::move(*output));
  }
  ASSERT_EQ(outputs.size(), 3U);
  for (std::size_t i = 0; i < outputs.size(); ++i)
    EXPECT_EQ(outputs[i].image.rgb, expected[i].image.rgb);
}

TEST(Session, PromptNegativePromptAndSeedSteerTheImage) {
  Engine engine = open();
  SessionOptions options = small();
  options.cfg_type = CfgType::full;
  options.guidance_scale = 3.0F;
  options.keep_tensors = true;
  Session plain = engine.session(options), prompt = engine.session(options),
          negative = engine.session(options);
  prompt.set_prompt("a red apple");
  negative.set_negative_prompt("a red apple");
  options.seed = 3;
  Session seed = engine.session(options);
  const auto latents = [](Session& session) { return draw(session, 1).at(0).latents; };
  const auto base = latents(plain);
  EXPECT_NE(latents(prompt), base);
  EXPECT_NE(latents(negative), base);
  EXPECT_NE(latents(seed), base);
}

TEST(Session, SeedsAreBlendedAndChangeAtAFrameEdge) {
  Engine engine = open();
  SessionOptions options = small();
  options.t_index_list = {32};
  options.keep_tensors = true;
  options.seed_list = {{2, 1}, {3, 1}};
  Session blended = engine.session(options);
  const auto half = blended.process(frame(0))->latents;
  blended.set_seeds({{2, 1}, {3, 0}});
  const auto first = blended.process(frame(0))->latents;
  blended.set_seed(3);
  const auto second = blended.process(frame(0))->latents;
  options.seed_list.clear();
  Session two = engine.session(options);
  EXPECT_EQ(first, two.process(frame(0))->latents);
  two.set_seed(3);
  EXPECT_EQ(second, two.process(frame(0))->latents);
  EXPECT_NE(half, first);
  EXPECT_NE(half, second);
  EXPECT_THROW(two.set_seeds({}), Error);
  EXPECT_THROW(two.set_seeds({{2, 1}, {2, 1}}), Error);
}

TEST(Session, FeedbackMixesTheLastImagesLatentsIntoTheNext) {
  Engine engine = open();
  for (const bool batch : {true, false}) {
    SessionOptions options = small();
    options.t_index_list = {32};
    options.use_denoising_batch = batch;
    Session plain = engine.session(options);
    const Image first = plain.process(frame(0))->image, second = plain.process(frame(9))->image;
    double before = 0;
    for (const float strength : {0.1F, 0.4F, 0.9F}) {
      options.latent_feedback = strength;
      Session steady = engine.session(options);
      EXPECT_EQ(steady.process(frame(0))->image.rgb, first.rgb) << "there is nothing to feed back";
      const double change = mean_difference(steady.process(frame(9))->image, second);
      EXPECT_GT(change, before);
      before = change;
      steady.set_latent_feedback(0);
      EXPECT_EQ(steady.process(frame(9))->image.rgb, second.rgb);
    }
  }
}

TEST(Session, ASeedThatIsSetDrawsAFreshImageFromText) {
  Engine engine = open();
  SessionOptions options = small();
  options.t_index_list = {0};
  options.text_to_image = true;
  options.cfg_type = CfgType::none;
  Session session = engine.session(options);
  session.generate();
  session.set_seed(7);
  options.seed = 7;
  Session fresh = engine.session(options);
  EXPECT_EQ(session.generate()->image.rgb, fresh.generate()->image.rgb);
  EXPECT_NE(session.generate()->image.rgb, session.generate()->image.rgb);
}

TEST(Session, APromptChangedAtAFrameEdgeEqualsThatPromptFromThere) {
  Engine engine = open();
  SessionOptions options = small();
  options.t_index_list = {32};
  Session changed = engine.session(options), fresh = engine.session(options);
  changed.set_prompt("green fish");
  changed.process(frame(0));
  changed.set_prompt("red apple");
  fresh.set_prompt("red apple");
  EXPECT_EQ(changed.process(frame(1))->image.rgb, fresh.process(frame(1))->image.rgb);
}

TEST(Session, TheFilterReusesTheLastImageAndSaysSo) {
  SessionOptions options = small();
  options.t_index_list = {32};
  options.enable_similar_image_filter = true;
  Session session = open().session(options);
  int reused = 0;
  for (int i = 0; i < 24; ++i) {
    const Image still = frame(1);
    const auto output = session.process(still);
    ASSERT_TRUE(output.has_value());
    EXPECT_EQ(output->frame_id, static_cast<std::uint64_t>(i));
    reused += output->reused;
  }
  EXPECT_EQ(reused, 22);
  EXPECT_EQ(session.times().skipped, 22U);
}

TEST(Session, TheTimesOfItsStagesDoNotOverlap) {
  Session session = open().session(small());
  const auto start = std::chrono::steady_clock::now();
  draw(session, 8);
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - start;
  const SessionTimes times = session.times();
  EXPECT_GT(times.decode, 0);
  EXPECT_LE(times.encode + times.unet + times.decode + times.other, wall.count());
}

TEST(Session, TextToImageStartsFromFreshNoise) {
  SessionOptions options{.width = 32, .height = 32, .t_index_list = {0, 32}, .text_to_image = true};
  Session session = open().session(options);
  std::vector<Output> outputs;
  for (int i = 0; i < 3; ++i) {
    if (auto output = session.generate()) outputs.push_back(std::move(*output));
  }
  for (Output& output : session.flush()) outputs.push_back(std::move(output));
  ASSERT_EQ(outputs.size(), 3U);
  EXPECT_NE(outputs[0].image.rgb, outputs[1].image.rgb);
}

TEST(Session, KeptTensorsHaveTheirShapes) {
  SessionOptions options = small();
  options.keep_tensors = true;
  Session session = open().session(options);
  const Output output = draw(session, 1).at(0);
  EXPECT_EQ(output.latents.size(), 4U * 3 * 4);
  EXPECT_EQ(output.pixels.size(), 3U * 24 * 32);
}

TEST(Session, RefusesWhatItCannotDoAndSaysWhatItExpected) {
  Engine engine = open();
  SessionOptions options = small();
  options.width = 36;
  expect_error([&] { engine.session(options); }, ErrorCode::invalid_argument,
               {"width is 36, expected a multiple of 8"});
  options = small();
  options.t_index_list = {32, 52};
  expect_error([&] { engine.session(options); }, ErrorCode::invalid_argument,
               {"[32,52], expected 1 to 50 ascending integers from 0 to 49"});
  options = small();
  options.text_to_image = true;
  expect_error([&] { engine.session(options); }, ErrorCode::invalid_argument,
               {"needs an input image"});
  Session session = engine.session(small());
  expect_error([&] { session.process(frame(0, 16, 16)); }, ErrorCode::invalid_argument, {"16x16"});
  expect_error([&] { session.generate(); }, ErrorCode::invalid_argument, {"text_to_image"});
  expect_error(
      [&] {
        session.set_t_index_list({1, 2, 3});
      },
      ErrorCode::invalid_argument, {"2 steps"});
  expect_error([&] { session.set_guidance_scale(std::numeric_limits<float>::quiet_NaN()); },
               ErrorCode::invalid_argument, {"expected a number from 0 to 100"});
}

TEST(Session, WarnsWhenAPromptIsCut) {
  Session session = open().session(small());
  std::string warning;
  base::set_log_callback([&](base::LogLevel level, std::string_view message) {
    if (level == base::LogLevel::warning) warning = message;
  });
  session.set_prompt("a b c d e f g h i j k l m n o p q r s t u v w x y z");
  base::set_log_callback({});
  EXPECT_FALSE(warning.empty());
}

TEST(Engine, RefusesAFolderWhosePartsDoNotFit) {
  const TinyModel model;
  model.write("text_encoder/config.json",
              R"({"model_type": "clip_text_model", "hidden_size": 32, "intermediate_size": 48,
    "num_hidden_layers": 1, "num_attention_heads": 2, "max_position_embeddings": 16, "vocab_size": 4096})");
  expect_error([&] { Engine::open({.model = model.path()}); }, ErrorCode::corrupt_file,
               {"cross_attention_dim"});
}

TEST(Engine, NamesTheDevicesItHas) {
  expect_error([&] { Engine::open({.model = model_path(), .device = "tpu"}); },
               ErrorCode::invalid_argument, {"ref"});
}

TEST(Engine, NamesTheTypesOfADeviceThatLacksOne) {
  const EngineOptions options{.model = model_path(), .device = "ref", .dtype = DataType::f16};
  expect_error([&] { Engine::open(options); }, ErrorCode::unsupported,
               {"dtype f16: the ref device"});
  expect_error([&] { Engine::open(options); }, ErrorCode::unsupported,
               {"expected one of auto, f32"});
}

TEST(Session, AStopEndsTheWaitForTheDevice) {
  Engine engine = open();
  std::stop_source stop;
  Session session = engine.session(small(), stop.get_token());
  EXPECT_TRUE(session.process(frame(0), 0).empty());
  stop.request_stop();
  const std::vector<Output> outputs = session.process(frame(1), 1);
  ASSERT_EQ(outputs.size(), 2U);  // nothing stays in flight
  for (const Output& output : outputs) {
    ASSERT_TRUE(output.error);
    EXPECT_EQ(output.error->code(), ErrorCode::busy);
  }
  expect_error([&] { engine.session(small(), stop.get_token()); }, ErrorCode::busy, {"stopped"});
  Session other = engine.session(small());
  EXPECT_EQ(draw(other, 3).size(), 3U);  // and the device is free
}

TEST(Engine, UsesAtMostOneThreadForEachCore) {
  EXPECT_EQ(session::choose_threads(0, 6), 6);
  EXPECT_EQ(session::choose_threads(4, 6), 4);
  EXPECT_EQ(session::choose_threads(1000, 6), 6);
  std::string warning;
  base::set_log_callback([&](base::LogLevel, std::string_view message) { warning = message; });
  Engine engine = open(1000);
  base::set_log_callback({});
  EXPECT_THAT(warning, HasSubstr("threads is 1000"));
  Session session = engine.session(small());
  EXPECT_EQ(draw(session, 3).size(), 3U);
}

TEST(ExecutableCache, KeepsNoKeyOfWhatNobodyUses) {
  const session::Model model = session::Model::open({.model = model_path()});
  const auto device = backend::make_device("ref");
  session::ExecutableCache cache(model, *device, tensor::DType::f32, nullptr);
  for (int side = 8; side <= 80; side += 8) {
    const auto encoder = cache.encoder({.frames = 1, .height = 8, .width = side});
    EXPECT_EQ(cache.encoder({.frames = 1, .height = 8, .width = side}), encoder);
    EXPECT_EQ(cache.size(), 1U);
  }
}

TEST(Session, AFrameThatCannotBeEncodedIsAnErrorThatNamesTheAutoencoder) {
  const TinyModel overflowing(1e5F);  // nine layers: the last one overflows, and no ReLU follows it
  Engine engine = Engine::open({.model = overflowing.path(),
                                .device = testing::device_or(SD_TEST_DEVICE),
                                .dtype = DataType::f32,
                                .threads = 1});
  Session session = engine.session(small());
  for (const char* latents :
       {"the autoencoder's latents of frame 0", "the autoencoder's latents of frame 1"}) {
    expect_error([&] { session.process(frame(0)); }, ErrorCode::numeric, {latents});
  }
  EXPECT_TRUE(session.flush().empty());
}

}  // namespace
}  // namespace streamdiffusion

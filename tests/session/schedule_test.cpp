// What a model's scheduler_config.json and a recipe say, as a session follows it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>

#include "base/log.h"
#include "streamdiffusion/streamdiffusion.h"
#include "support/errors.h"
#include "support/ldm_file.h"
#include "support/temporary_folder.h"
#include "support/tiny_model.h"
#include "weights/recipes.h"

namespace streamdiffusion {
namespace {

using testing::expect_error;
using ::testing::HasSubstr;

EngineOptions options_for(const testing::TinyModel& model, const std::string& recipe = "") {
  return {.model = model.path(),
          .recipe = recipe,
          .device = SD_TEST_DEVICE,
          .dtype = DataType::f32,
          .threads = 1};
}

void write_scheduler(const testing::TinyModel& model, const std::string& more) {
  model.write("scheduler/scheduler_config.json",
              R"({"num_train_timesteps": 1000, "beta_schedule": "scaled_linear")" + more + "}");
}

/// The notices of an engine that is opened, and of two equal sessions of it.
std::vector<std::string> notices_of(const EngineOptions& options,
                                    const SessionOptions& session = {.width = 32, .height = 32}) {
  static std::mutex mutex;
  static std::vector<std::string> found;
  found.clear();
  base::set_log_callback([](base::LogLevel level, std::string_view message) {
    const std::lock_guard lock(mutex);
    if (level == base::LogLevel::notice) found.emplace_back(message);
  });
  Engine engine = Engine::open(options);
  for (int i = 0; i < 2; ++i) engine.session(session);
  base::set_log_callback({});
  return found;
}

Image gradient(int width, int height) {
  Image image{width, height, {}};
  for (int i = 0; i < width * height * 3; ++i)
    image.rgb.push_back(static_cast<std::uint8_t>(i * 5 % 256));
  return image;
}

std::vector<std::uint8_t> last_image(Session& session, int frames) {
  std::vector<std::uint8_t> rgb;
  for (int i = 0; i < frames; ++i) {
    if (auto output = session.process(gradient(session.width(), session.height()))) {
      rgb = output->image.rgb;
    }
  }
  for (const Output& output : session.flush()) rgb = output.image.rgb;
  return rgb;
}

TEST(Scheduler, OfASessionChangesAtAFrameEdge) {
  const testing::TinyModel model;
  const Engine engine = Engine::open(options_for(model));
  Engine handle = engine;
  const SessionOptions lcm{.width = 32, .height = 32, .t_index_list = {20, 40}};
  SessionOptions ddim = lcm;
  ddim.scheduler = Scheduler::ddim;
  Session plain = handle.session(lcm), other = handle.session(ddim), changed = handle.session(lcm);
  changed.set_schedule(ddim);
  const auto expected = last_image(other, 3);
  EXPECT_EQ(last_image(changed, 3), expected);
  EXPECT_NE(last_image(plain, 3), expected);
  expect_error(
      [&] {
        changed.set_schedule({.t_index_list = {1, 2, 3}});
      },
      ErrorCode::invalid_argument, {"3 entries"});
  expect_error(
      [&] {
        changed.set_schedule({.t_index_list = {0, 1}, .timesteps = {499}});
      },
      ErrorCode::invalid_argument, {"t_index_list 0,1: 1 is outside 0..0"});
  EXPECT_EQ(last_image(changed, 3), expected) << "a refused change changes nothing";
}

TEST(Scheduler, EqualsSequentialDenoisingThroughTheEngine) {
  const testing::TinyModel model;
  Engine engine = Engine::open(options_for(model));
  for (const Scheduler scheduler : {Scheduler::euler, Scheduler::tcd}) {
    SessionOptions options{.width = 32,
                           .height = 32,
                           .t_index_list = {0, 2, 3},
                           .num_inference_steps = 4,
                           .scheduler = scheduler,
                           .cfg_type = CfgType::self,
                           .guidance_scale = 1.4F};
    Session batch = engine.session(options);
    options.use_denoising_batch = false;
    Session sequential = engine.session(options);
    EXPECT_EQ(last_image(batch, 4), last_image(sequential, 4));
  }
}

TEST(Scheduler, OfZeroTerminalSnrStartsFromNoiseWithAPredictionThatCan) {
  const testing::TinyModel model;
  write_scheduler(model, R"(, "rescale_betas_zero_snr": true, "prediction_type": "v_prediction")");
  const Engine engine = Engine::open(options_for(model));
  EXPECT_EQ(engine.with_defaults({}).prediction_type, PredictionType::v);
  const std::vector<int> from_noise{0, 25};
  EXPECT_NO_THROW(engine.check({.t_index_list = from_noise, .cfg_type = CfgType::none}));
  EXPECT_NO_THROW(engine.check({.t_index_list = {1, 25}, .cfg_type = CfgType::self}));
  expect_error([&] { engine.check({.t_index_list = from_noise, .cfg_type = CfgType::self}); },
               ErrorCode::invalid_argument, {"cfg_type is self", "noise alone"});
  const SessionOptions epsilon{.t_index_list = from_noise,
                               .prediction_type = PredictionType::epsilon,
                               .cfg_type = CfgType::none};
  expect_error([&] { engine.check(epsilon); }, ErrorCode::invalid_argument,
               {"timestep 999 is noise alone"});
}

TEST(Scheduler, ConfigThatCannotBeIsRefusedByItsKey) {
  const auto refused = [](const char* more, const char* message,
                          ErrorCode code = ErrorCode::corrupt_file) {
    const testing::TinyModel model;
    write_scheduler(model, more);
    expect_error([&] { Engine::open(options_for(model)); }, code, {message});
  };
  refused(R"(, "thresholding": true)", "thresholding");
  refused(R"(, "trained_betas": [0.1])", "trained_betas");
  refused(R"(, "steps_offset": 1000)", "steps_offset");
  refused(R"(, "original_inference_steps": 0)", "original_inference_steps");
  refused(R"(, "prediction_type": "flow")", "implemented: epsilon, v_prediction, sample",
          ErrorCode::unsupported);
}

TEST(Recipe, GivesAModelItsSettingsAndFlagsWin) {
  const testing::TinyModel model;
  const Engine engine = Engine::open(options_for(model, "stabilityai/sd-turbo"));
  EXPECT_EQ(engine.info().recipe, "stabilityai/sd-turbo");
  const SessionOptions own = engine.with_defaults({});
  EXPECT_EQ(own.scheduler, Scheduler::euler);
  EXPECT_EQ(own.timestep_spacing, TimestepSpacing::trailing);
  EXPECT_EQ(own.t_index_list, (std::vector<int>{2, 3}));
  EXPECT_EQ(own.cfg_type, CfgType::none);
  EXPECT_EQ(engine.with_defaults({.text_to_image = true}).t_index_list, std::vector<int>{0});
  const SessionOptions asked = engine.with_defaults({.scheduler = Scheduler::lcm});
  EXPECT_EQ(asked.scheduler, Scheduler::lcm);
  EXPECT_EQ(asked.num_inference_steps, 4);
}

TEST(Recipe, IsNamedInOneLineAndRefusedWithTheNearestName) {
  const testing::TinyModel model;
  const auto notices = notices_of(options_for(model, "tianweiy/DMD2"));
  ASSERT_EQ(notices.size(), 1U);
  EXPECT_EQ(notices[0].rfind("recipe tianweiy/DMD2: ", 0), 0U) << notices[0];
  EXPECT_NE(notices[0].find("timesteps 999,749,499,249"), std::string::npos) << notices[0];
  EXPECT_TRUE(notices_of(options_for(model)).empty());
  EXPECT_TRUE(notices_of(options_for(model, "none")).empty());
  expect_error([&] { Engine::open(options_for(model, "stabilityai/sd-turbos")); },
               ErrorCode::invalid_argument, {"did you mean \"stabilityai/sd-turbo\"?"});
}

TEST(Recipe, TellsOfASmallAutoencoderThatIsForTheModel) {
  const char *of_sdxl = "tianweiy/DMD2", *of_sd1 = "latent-consistency/lcm-lora-sdv1-5";
  const auto told = [](const testing::TinyConfigs& configs, const char* recipe) {
    const testing::TemporaryFolder folder;
    testing::write_folder(configs, folder.path());
    const std::string line = notices_of({.model = folder.path().string(),
                                         .recipe = recipe,
                                         .device = SD_TEST_DEVICE,
                                         .dtype = DataType::f32,
                                         .threads = 1})
                                 .at(0);
    const std::string words = "; its small autoencoder is ";
    const std::size_t at = line.find(words);
    return at == std::string::npos ? "" : line.substr(at + words.size());
  };
  const auto sd1 = testing::tiny_stable_diffusion(1, testing::kTinyVocabulary);
  EXPECT_EQ(told(sd1, of_sd1), "madebyollin/taesd (--vae)");
  EXPECT_EQ(told(sd1, of_sdxl), "");
  const auto sdxl = testing::tiny_sdxl(testing::kTinyVocabulary);
  EXPECT_EQ(told(sdxl, of_sdxl), "madebyollin/taesdxl (--vae)");
  EXPECT_EQ(told(sdxl, of_sd1), "");
  EXPECT_EQ(told(testing::tiny_sdxs(testing::kTinyVocabulary), of_sd1), "") << "its own is tiny";
}

TEST(Recipe, IsToldWithTheSettingsThatAreUsed) {
  const testing::TinyModel model;
  const auto told = [&](const char* recipe, SessionOptions session) {
    session.width = session.height = 32;
    return notices_of(options_for(model, recipe), session).at(0);
  };
  const auto lora = "latent-consistency/lcm-lora-sdv1-5";
  EXPECT_THAT(told(lora, {}), HasSubstr("t_index_list 32,45, num_inference_steps 50"));
  EXPECT_THAT(told(lora, {}), HasSubstr("cfg_type self, guidance_scale 1.2, width 32"));
  EXPECT_THAT(told(lora, {.text_to_image = true}), HasSubstr("t_index_list 0,12,25,37"));
  EXPECT_THAT(told(lora, {.text_to_image = true}), HasSubstr("cfg_type none, width 32"));
  EXPECT_THAT(told("stabilityai/sd-turbo", {.text_to_image = true}), HasSubstr("t_index_list 0,"));
  EXPECT_THAT(told("stabilityai/sd-turbo", {.t_index_list = {1}, .scheduler = Scheduler::lcm}),
              HasSubstr("t_index_list 1, num_inference_steps 4, scheduler lcm,"));
}

TEST(Recipe, ADescriptionHasTheScaleOfGuidanceThatActs) {
  const testing::TinyModel model;
  Engine engine = Engine::open(options_for(model, "latent-consistency/lcm-lora-sdv1-5"));
  const SessionOptions input{.width = 32, .height = 32};
  SessionOptions text = input;
  text.text_to_image = true;
  EXPECT_THAT(engine.session(input).description(), HasSubstr("self 1.2  parallel"));
  EXPECT_THAT(engine.session(text).description(), HasSubstr("none  parallel"));
}

TEST(Recipe, OfEveryCheckpointGivesSessionsThatStart) {
  for (const weights::Recipe& recipe : weights::recipes()) {
    SCOPED_TRACE(recipe.names.front());
    const testing::TinyModel model;
    const Engine engine = Engine::open(options_for(model, recipe.names.front()));
    EXPECT_NO_THROW(engine.check({}));
    EXPECT_NO_THROW(engine.check({.text_to_image = true}));
  }
}

}  // namespace
}  // namespace streamdiffusion

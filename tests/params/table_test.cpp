// The table itself, and the pages that are made of it.
#include "params/table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>

#include "params/check.h"
#include "params/markdown.h"

namespace streamdiffusion::params {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(Table, HasEachNameAndFlagOnce) {
  std::set<std::string> names, flags;
  for (const Parameter& row : parameters()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_TRUE(*row.in.flag == 0 || flags.insert(row.in.flag).second) << row.in.flag;
    EXPECT_STRNE(row.help, "") << row.name;
  }
}

TEST(Table, ItsDefaultsAreInRange) {
  Settings settings;
  EXPECT_NO_THROW(check(settings));
  fill(settings, fallbacks());
  EXPECT_NO_THROW(check(settings));
  EXPECT_EQ(settings.live.options.width, 512);
  EXPECT_EQ(settings.live.options.guidance_scale, 1.2F);
  EXPECT_EQ(settings.live.options.t_index_list, (std::vector<int>{32, 45}));
}

TEST(Table, ARateMayBeARatio) {
  const auto& rate = std::get<Number>(parameter("fps").type);
  EXPECT_EQ(parse(rate, "25"), 25.0);
  EXPECT_EQ(parse(rate, "29.97"), 29.97);
  EXPECT_EQ(parse(rate, "30000/1001"), 30000.0 / 1001);
  for (const char* text : {"", "/", "30000/", "/1001", "1/0", "1/-2", "30000/1001/1", "30000/1001 ",
                           "1.5/2", "3000000000/1", "ntsc", "25fps"}) {
    EXPECT_EQ(parse(rate, text), std::nullopt) << text;
  }
  EXPECT_EQ(parse(std::get<Number>(parameter("delta").type), "1/2"), std::nullopt);
}

TEST(Table, NoTextHoldsANul) {
  const std::string cut("a\0b", 3);
  for (const Parameter& row : parameters()) {
    if (const auto* text = std::get_if<Text>(&row.type)) {
      EXPECT_FALSE(accepts(*text, cut)) << row.name;
    }
  }
  EXPECT_FALSE(accepts(std::get<PromptList>(parameter("prompt_list").type), {{cut, 1}}));
  EXPECT_FALSE(accepts(std::get<LoraList>(parameter("lora_dict").type), {{cut, 1}}));
  LiveSettings settings;
  settings.negative_prompt = cut;
  try {
    check(settings);
    ADD_FAILURE() << "a NUL was accepted";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(),
                HasSubstr(R"(negative_prompt is "a\x00b" (3 bytes), expected a text of at most )"
                          "4096 bytes without a NUL; byte 1, counted from 0, is one"));
  }
}

TEST(Table, MessagesSayWhereANulIs) {
  const std::string cut("abc\0", 4);
  constexpr const char* kFound = "; byte 3, counted from 0, is one";
  EXPECT_THAT(nul_note({WeightedPrompt{"red", 1}, WeightedPrompt{cut, 1}}),
              AllOf(HasSubstr(kFound), HasSubstr("of item 1")));
  EXPECT_THAT(nul_note(std::vector<Lora>{{cut, 1}}), HasSubstr(kFound));
  EXPECT_THAT(nul_note(std::vector<ControlNet>{{.model = cut}}), HasSubstr(kFound));
  EXPECT_THAT(nul_note(std::vector<IpAdapter>{{.file = "a", .image_encoder = cut}}),
              HasSubstr(kFound));
  EXPECT_EQ(nul_note(std::string("abc")), "");
  EXPECT_FALSE(accepts(std::get<ControlNetList>(parameter("controlnets").type),
                       std::vector<ControlNet>{{.model = cut}}));
  // A text that is too long has none to speak of.
  const Text& text = std::get<Text>(parameter("negative_prompt").type);
  EXPECT_THAT(expected(text, std::string(5000, 'a')), Not(HasSubstr("NUL")));
}

TEST(Table, FillingLeavesWhatIsSet) {
  Settings settings;
  settings.live.options.width = 64;
  settings.live.options.t_index_list = {7};
  fill(settings, fallbacks());
  EXPECT_EQ(settings.live.options.width, 64);
  EXPECT_EQ(settings.live.options.height, 512);
  EXPECT_EQ(settings.live.options.t_index_list, std::vector<int>{7});
}

TEST(Table, SaysWhichChangesNeedAnotherSession) {
  const SessionOptions now{.width = 64, .height = 64, .t_index_list = {18, 32}};
  const auto same = [&](auto change) {
    SessionOptions next = now;
    change(next);
    return same_session(now, next);
  };
  EXPECT_TRUE(same([](SessionOptions&) {}));
  EXPECT_TRUE(same([](SessionOptions& o) { o.t_index_list = {1, 2}; }));
  EXPECT_TRUE(same([](SessionOptions& o) { o.guidance_scale = 2.0F; }));
  EXPECT_TRUE(same([](SessionOptions& o) { o.delta = 0.5F; }));
  EXPECT_TRUE(same([](SessionOptions& o) { o.seed = 3; }));
  EXPECT_TRUE(same([](SessionOptions& o) { o.num_inference_steps = 40; }));
  EXPECT_TRUE(same([](SessionOptions& o) { o.scheduler = Scheduler::ddim; }));
  EXPECT_TRUE(same([](SessionOptions& o) { o.eta = 0.5F; }));
  EXPECT_TRUE(same([](SessionOptions& o) { o.timestep_spacing = TimestepSpacing::leading; }));
  EXPECT_TRUE(same([](SessionOptions& o) { o.timesteps = {499, 249}; }));
  EXPECT_TRUE(same([](SessionOptions& o) { o.enable_similar_image_filter = true; }));
  EXPECT_FALSE(same([](SessionOptions& o) { o.t_index_list = {1}; }));
  EXPECT_FALSE(same([](SessionOptions& o) { o.width = 128; }));
  EXPECT_FALSE(same([](SessionOptions& o) { o.height = 128; }));
  EXPECT_FALSE(same([](SessionOptions& o) { o.cfg_type = CfgType::full; }));
  EXPECT_FALSE(same([](SessionOptions& o) { o.text_to_image = true; }));
  EXPECT_FALSE(same([](SessionOptions& o) { o.prediction_type = PredictionType::v; }));
  EXPECT_FALSE(same([](SessionOptions& o) { o.do_add_noise = false; }));
  EXPECT_FALSE(same([](SessionOptions& o) { o.use_denoising_batch = false; }));
  EXPECT_FALSE(same([](SessionOptions& o) { o.frame_buffer_size = 2; }));
  EXPECT_FALSE(same([](SessionOptions& o) { o.parallel = Parallel::rows; }));
  EXPECT_FALSE(same([](SessionOptions& o) { o.keep_tensors = true; }));
}

std::string page(const std::string& name) {
  std::ifstream file(std::string(SD_SOURCE_DIR) + "/docs/" + name);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(Pages, HaveTheTablesThatTheProgramPrints) {
  EXPECT_THAT(page("protocol.md"), HasSubstr("\n" + markdown(Page::protocol)))
      << "replace the table by what `streamdiffusion info --parameters protocol` prints";
  EXPECT_THAT(page("media.md"), HasSubstr("\n" + markdown(Page::config)))
      << "replace the table by what `streamdiffusion info --parameters config` prints";
}

}  // namespace
}  // namespace streamdiffusion::params

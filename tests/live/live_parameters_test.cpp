// Every parameter that the table marks as changeable on a running stream does change it. A row that
// is forgotten in ActiveSession::apply(), or that has no case here, fails.
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "json/json.h"
#include "live/support.h"
#include "params/read_json.h"
#include "params/table.h"
#include "support/wait.h"

namespace streamdiffusion {
namespace {

using namespace testing;

/// JSON objects of parameters.
struct Case {
  /// What both streams start with.
  std::string start = "{}";
  /// What both change later, and what only one of them changes.
  std::string both = "{}", one = "{}";
  /// Whether the frames hardly differ.
  bool still = false;
};

const std::map<std::string, Case, std::less<>>& cases() {
  const std::string full = R"({"cfg_type": "full", "guidance_scale": 2})";
  const std::string skipping =
      R"({"enable_similar_image_filter": true, "similar_image_filter_threshold": 0})";
  const std::string injecting =
      R"({"use_cached_attn": true, "use_feature_injection": true, "feature_injection_threshold": -1})";
  static const std::map<std::string, Case, std::less<>> all{
      {"t_index_list", {.one = R"({"t_index_list": [5, 30]})"}},
      {"num_inference_steps", {.one = R"({"num_inference_steps": 47})"}},
      {"scheduler", {.one = R"({"scheduler": "ddim"})"}},
      {"eta", {.start = R"({"scheduler": "ddim"})", .one = R"({"eta": 1})"}},
      {"timestep_spacing", {.one = R"({"timestep_spacing": "leading"})"}},
      {"timesteps", {.one = R"({"timesteps": [900, 300], "t_index_list": [0, 1]})"}},
      {"seed", {.one = R"({"seed": 77})"}},
      {"seed_list", {.one = R"({"seed_list": [[2, 1], [77, 1]]})"}},
      {"seed_interpolation_method",
       {.start = R"({"seed_list": [[2, 1], [77, 2], [5, 1]]})",
        .one = R"({"seed_interpolation_method": "linear"})"}},
      {"prompt", {.one = R"({"prompt": "blue house"})"}},
      {"prompt_list", {.one = R"({"prompt_list": [["red apple", 1], ["blue house", 2]]})"}},
      {"negative_prompt", {.start = full, .one = R"({"negative_prompt": "dark night"})"}},
      {"prompt_interpolation_method",
       {.start = R"({"prompt_list": [["red apple", 1], ["blue house", 1]]})",
        .one = R"({"prompt_interpolation_method": "linear"})"}},
      {"transition_ms",
       {.both = R"({"prompt": "blue house"})", .one = R"({"transition_ms": 60000})"}},
      {"guidance_scale", {.start = full, .one = R"({"guidance_scale": 7})"}},
      {"latent_feedback_strength", {.one = R"({"latent_feedback_strength": 0.9})"}},
      {"cache_interval",
       {.start = R"({"use_cached_attn": true})", .one = R"({"cache_interval": 100})"}},
      {"feature_injection_strength",
       {.start = injecting, .one = R"({"feature_injection_strength": 0})"}},
      {"feature_injection_threshold",
       {.start = injecting, .one = R"({"feature_injection_threshold": 1})"}},
      {"delta", {.one = R"({"delta": 3})"}},
      {"fit", {.one = R"({"fit": "stretch"})"}},
      {"enable_similar_image_filter",
       {.start = R"({"similar_image_filter_threshold": 0})",
        .one = R"({"enable_similar_image_filter": true})",
        .still = true}},
      {"similar_image_filter_threshold",
       {.start = skipping, .one = R"({"similar_image_filter_threshold": 1})", .still = true}},
      {"similar_image_filter_max_skip_frame",
       {.start = skipping, .one = R"({"similar_image_filter_max_skip_frame": 0})", .still = true}},
  };
  return all;
}

LiveSettings with(LiveSettings live, const std::string& object) {
  params::Settings settings{.live = std::move(live)};
  const json::Json values = json::Json::parse(object, "case");
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto [name, value] = values.member(i);
    params::read_json(params::parameter(name), value, settings);
  }
  return settings.live;
}

/// What comes out, frame after frame. The frames are wider than the images.
struct ParameterStream {
  ParameterStream(const LiveSettings& settings, bool still_scene)
      : still(still_scene), live(engine(), settings, {}, receiver.callbacks()) {}
  bool push(int number) {
    live.submit({.image = [number, fixed = still] {
      Image image = numbered_image(fixed ? 0 : number, 64, 24);
      image.rgb[static_cast<std::size_t>(number)] = 0;
      return image;
    }});
    return receiver.wait_for(++count);
  }
  bool change(const LiveSettings& settings) {
    live.change(settings);
    return wait_until("the change", [&] { return !live.reconfiguring(); });
  }

  const bool still;
  Receiver receiver;
  LiveSession live;
  std::size_t count = 0;
};

/// Two are wishes that the server turns into something else. Three need an engine with LoRAs,
/// ControlNets or IP-Adapters: live_loras_test.cpp, live_controlnets_test.cpp,
/// live_ip_adapters_test.cpp.
bool belongs_to_a_stream(const params::Parameter& row) {
  const std::string_view name = row.name;
  return name != "strength" && name != "jpeg_quality" && name != "lora_scales" &&
         name != "control_settings" && name != "image_prompts";
}

TEST(LiveParameters, EachRowOfTheTableThatIsLiveChangesARunningStream) {
  for (const params::Parameter& row : params::parameters()) {
    if (row.change != params::Change::live && row.change != params::Change::session_for_length)
      continue;
    if (!belongs_to_a_stream(row)) continue;
    SCOPED_TRACE(row.name);
    const auto found = cases().find(std::string_view(row.name));
    ASSERT_NE(found, cases().end()) << "a live parameter without a case";
    const LiveSettings start = with(small(), found->second.start);
    const LiveSettings both = with(start, found->second.both);
    ParameterStream unchanged(start, found->second.still), changed(start, found->second.still);
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(unchanged.push(i) && changed.push(i));
    ASSERT_TRUE(unchanged.change(both));
    ASSERT_TRUE(changed.change(with(both, found->second.one)));
    for (int i = 3; i < 7; ++i) ASSERT_TRUE(unchanged.push(i) && changed.push(i));
    const auto a = unchanged.receiver.outputs(), b = changed.receiver.outputs();
    bool differs = false;
    for (std::size_t i = 0; i < a.size(); ++i) {
      const bool same = a[i].image->rgb == b[i].image->rgb && a[i].reused == b[i].reused;
      EXPECT_TRUE(same || i >= 3) << "frame " << i << ", before the change";
      differs |= !same;
    }
    EXPECT_TRUE(differs) << "the change has no effect";
    EXPECT_TRUE(changed.receiver.errors().empty());
  }
}

}  // namespace
}  // namespace streamdiffusion

// One range each: the same values are accepted and refused by the library, the flags, --config, a
// model's streamdiffusion.json and the server.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "config/config.h"
#include "parameter_flags.h"
#include "params/check.h"
#include "params/values.h"
#include "server/parameters.h"
#include "streamdiffusion/streamdiffusion.h"
#include "support/fake_stream_factory.h"
#include "support/tiny_model.h"
#include "weights/model_folder.h"

namespace streamdiffusion::params {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

template <typename Try>
bool accepted(const Try& attempt) {
  try {
    attempt();
    return true;
  } catch (const Error& error) {
    return false;
  } catch (const server::HttpError& refusal) {
    return false;
  }
}

bool by_flags(const std::vector<std::string>& arguments) {
  app::CommandLine program("A test.", "test", "1");
  app::Flags flags = program.command("command", "A command.");
  app::ParameterFlags parameters;
  parameters.add_engine(flags);
  parameters.add_stream(flags, true);
  parameters.add_run(flags);
  flags.run([&] { (void)parameters.parsed(); });
  std::vector<std::string> all{"test", "command"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& argument : all) argv.push_back(argument.data());
  ::testing::internal::CaptureStderr();
  bool good = false;
  const bool no_error =
      accepted([&] { good = program.run(static_cast<int>(argv.size()), argv.data()); });
  ::testing::internal::GetCapturedStderr();
  return good && no_error;
}

/// As the flags of a row take it: lists with commas, prompts and weights apart.
std::vector<std::string> as_flags(const Parameter& row, const json& value) {
  const auto text = [](const json& v) { return v.is_string() ? v.get<std::string>() : v.dump(); };
  if (std::holds_alternative<PromptList>(row.type)) {
    std::vector<std::string> flags{"--prompt"};
    std::string weights;
    for (const json& pair : value) {
      flags.push_back(pair[0]);
      weights += (weights.empty() ? "" : ",") + text(pair[1]);
    }
    if (!value.empty()) flags.push_back("--prompt-weights=" + weights);
    return flags;
  }
  if (std::holds_alternative<LoraList>(row.type)) {
    std::vector<std::string> flags{row.in.flag};
    for (const auto& [file, scale] : value.items()) flags.push_back(file + ":" + text(scale));
    return flags;
  }
  if (std::holds_alternative<SeedList>(row.type)) {
    std::string seeds;
    for (const json& pair : value)
      seeds += (seeds.empty() ? "" : ",") + text(pair[0]) + ":" + text(pair[1]);
    return {row.in.flag + ("=" + seeds)};
  }
  if (std::holds_alternative<ControlNetList>(row.type)) {
    std::vector<std::string> flags{row.in.flag};
    for (const json& net : value) {
      flags.push_back(net["model_id"].get<std::string>() + ":" +
                      text(net.value("conditioning_scale", json(1))));
    }
    return flags;
  }
  if (std::holds_alternative<IpAdapterList>(row.type)) {
    std::vector<std::string> flags{row.in.flag};
    for (const json& adapter : value) {
      flags.push_back(adapter["ipadapter_model_path"].get<std::string>() + ":" +
                      text(adapter.value("scale", json(1))));
    }
    return flags;
  }
  if (std::string_view(row.name) == "prompt") return {"--prompt", value};
  if (value.is_string()) return {row.in.flag, value};
  std::string list;
  if (!value.is_array()) return {row.in.flag + ("=" + text(value))};
  for (const json& item : value) list += (list.empty() ? "" : ",") + text(item);
  return {row.in.flag + ("=" + list)};
}

/// Of what the engines of this file have not: LoRAs, ControlNets, IP-Adapters, many levels.
bool of_the_engine(const Parameter& row) {
  const std::string_view name = row.name;
  return name == "cache_first_level" || name == "lora_scales" || name == "control_settings" ||
         name == "image_prompts";
}

bool by_server(const json& object) {
  static const streamdiffusion::testing::FakeStreamFactory factory;
  static const server::ParameterTable table(factory, {.side = 16384, .steps = 50});
  return accepted(
      [&] { table.apply(server::parse_client_json(object.dump(), "test"), table.defaults()); });
}

/// Sets a member past all checks.
bool by_library(const Parameter& row, const json& value) {
  static const streamdiffusion::testing::TinyModel model;
  static const Engine engine =
      Engine::open({.model = model.path(), .device = "ref", .dtype = DataType::f32, .threads = 1});
  Settings settings;
  std::visit(
      [&](const auto& type) {
        using Type = std::remove_cvref_t<decltype(type)>;
        if constexpr (std::is_same_v<Type, PromptList>) {
          std::vector<WeightedPrompt> prompts;
          for (const json& pair : value) prompts.push_back({pair[0], pair[1]});
          type.member.set(settings, prompts);
        } else if constexpr (std::is_same_v<Type, SeedList>) {
          std::vector<WeightedSeed> seeds;
          for (const json& pair : value) seeds.push_back({pair[0], pair[1]});
          type.member.set(settings, seeds);
        } else if constexpr (std::is_same_v<Type, LoraList>) {
          std::vector<Lora> loras;
          for (const auto& [file, scale] : value.items()) loras.push_back({file, scale});
          type.member.set(settings, loras);
        } else if constexpr (std::is_same_v<Type, ControlNetList>) {
          std::vector<ControlNet> nets;
          for (const json& net : value) {
            nets.push_back({net["model_id"], {.scale = net.value("conditioning_scale", 1.0F)}});
          }
          type.member.set(settings, nets);
        } else if constexpr (std::is_same_v<Type, ControlSettingsList>) {
          std::vector<ControlSettings> all;
          for (const json& each : value)
            all.push_back({.scale = each.value("conditioning_scale", 1.0F)});
          type.member.set(settings, all);
        } else if constexpr (std::is_same_v<Type, IpAdapterList>) {
          std::vector<IpAdapter> all;
          for (const json& each : value) {
            all.push_back({each["ipadapter_model_path"], "", {.scale = each.value("scale", 1.0F)}});
          }
          type.member.set(settings, all);
        } else if constexpr (std::is_same_v<Type, ImagePromptList>) {
          std::vector<ImagePrompt> all;
          for (const json& each : value) all.push_back({.scale = each.value("scale", 1.0F)});
          type.member.set(settings, all);
        } else {
          type.member.set(settings,
                          value.get<typename decltype(type.member.get(settings))::value_type>());
        }
      },
      row.type);
  if (std::string_view(row.name) == "num_inference_steps") {
    settings.live.options.t_index_list = {0};
  }
  return accepted([&] {
    check(settings);
    if (!of_the_engine(row)) engine.check(settings.live.options);
  });
}

struct Case {
  const char* name;
  std::vector<json> accepted, refused;
};

void PrintTo(const Case& c, std::ostream* out) {
  *out << c.name;
}

const Case kCases[]{
    {"guidance_scale", {0, 0.5, 1.2, 20.5, 100}, {-0.1, 100.1, 1e30}},
    {"latent_feedback_strength", {0, 0.15, 0.9}, {-0.1, 0.91}},
    {"cache_maxframes", {1, 4}, {0, 5}},
    {"cache_interval", {1, 10000}, {0, 10001}},
    {"cache_first_level", {0, 8}, {-1, 9}},
    {"feature_injection_strength", {0, 0.75, 1}, {-0.1, 1.1}},
    {"feature_injection_threshold", {-1, 0.98, 1}, {-1.1, 1.1}},
    {"delta", {0, 1, 10.5, 100}, {-1, 100.5}},
    {"eta", {0, 0.3, 1}, {-0.1, 1.1}},
    {"timesteps",
     {list({999}), list({999, 749, 499, 249}), list({0})},
     {list({1000}), list({249, 499}), list({3, 3}), list({-1}), list({999, 1000})}},
    {"similar_image_filter_threshold", {0, 0.98, 1}, {-0.1, 1.01}},
    {"similar_image_filter_max_skip_frame", {0, 10, 1001, 1000000}, {-1, 1000001}},
    {"num_inference_steps", {1, 4, 50}, {0, 51, 1000}},
    {"t_index_list",
     {list({0}), list({18, 32}), list({49}), counted(20), counted(50)},
     {list({}), list({50}), list({32, 18}), list({3, 3}), list({-1})}},
    {"steps", {1, 9, 50}, {0, 51}},
    {"strength", {0, 0.5, 1}, {-0.01, 1.01}},
    {"seed", {-1, 0, 789, (std::int64_t{1} << 53) - 1}, {-2, std::int64_t{1} << 53}},
    {"frame_buffer_size", {1, 64}, {0, 65}},
    {"width", {8, 512, 16384}, {0, 16392}},
    {"height", {8, 512, 16384}, {0, 16392}},
    {"original_width", {1, 1024, 16384}, {0, 16385}},
    {"original_height", {1, 1024, 16384}, {0, 16385}},
    {"crop_left", {0, 16384}, {-1, 16385}},
    {"crop_top", {0, 16384}, {-1, 16385}},
    {"target_width", {1, 1024, 16384}, {0, 16385}},
    {"target_height", {1, 1024, 16384}, {0, 16385}},
    {"prompt", {"red apple", kLongest}, {kTooLong}},
    {"prompt_list",
     {pairs(1), pairs(9), pairs(64), pairs(2, 1000), list({pair("a", 0), pair("b", 0.5)})},
     {list({}), pairs(65), pairs(1, -1), pairs(1, 1001), pairs(2, 0), list({pair(kTooLong, 1)})}},
    {"seed_list",
     {list({seed(2, 1)}), list({seed(0, 0), seed(9007199254740991, 1000)})},
     {list({seed(-1, 1)}), list({seed(9007199254740992, 1)}), list({seed(2, -1)}),
      list({seed(2, 1001)}), list({seed(2, 0)}), list({seed(2, 1), seed(2, 1)}), seeds(17)}},
    {"lora_dict",
     {files(1), files(16), files(2, -10), {{"C:style.safetensors", 0.5}}},
     {files(17), files(1, 11), {{kTooLong, 1}}}},
    {"lora_scales",
     {list({0}), list({0.5, -10, 10}), counted(10)},
     {list({}), list({11}), list({0, -10.5}), counted(17)}},
    {"controlnets", {nets(1), nets(8, 10), nets(2, 0)}, {nets(9), nets(1, 10.5), nets(1, -0.1)}},
    {"control_settings",
     {scaled(1, 0), scaled(8, 10)},
     {list({}), scaled(9, 1), scaled(1, -0.5), scaled(2, 11)}},
    {"ipadapters",
     {adapters(1), adapters(4, 10), adapters(2, 0)},
     {adapters(5), adapters(1, 10.5), adapters(1, -0.1)}},
    {"image_prompts",
     {scaled(1, 0, "scale"), scaled(4, 10, "scale")},
     {list({}), scaled(5, 1, "scale"), scaled(1, -0.5, "scale"), scaled(2, 11, "scale")}},
    {"negative_prompt", {"a ", "blurry", kLongest}, {kTooLong}},
    {"transition_ms", {0, 60000}, {-1, 60001}},
    {"jpeg_quality", {1, 100}, {0, 101}},
    {"threads", {0, 1024}, {-1, 1025}},
    {"fps", {0.001, 29.97, 1000}, {0, 1001}},
    {"duration", {0.001, 10, 1e9}, {0, 2e9}},
    {"frames", {1, INT64_MAX}, {0, -1}},
    {"codec", {"h264", "vp9"}, {"h265"}},
    {"cfg_type", {"none", "full", "self", "initialize"}, {}},
};

/// A short schedule has room for one step only.
json with_room(json object) {
  if (object.contains("num_inference_steps")) object["steps"] = 1;
  return object;
}

class FrontEnds : public ::testing::TestWithParam<Case> {
 protected:
  void expect(const json& value, bool wanted) const {
    const Parameter& row = parameter(GetParam().name);
    const json object{{row.name, value}};
    const std::string text = object.dump().substr(0, 200);
    EXPECT_EQ(by_library(row, value), wanted || unset(value)) << "library: " << text;
    if (has_flag(row)) {
      EXPECT_EQ(by_flags(as_flags(row, value)), wanted) << "flags: " << text;
    }
    if (row.in.yaml) {
      EXPECT_EQ(accepted([&] { config::parse_config(object.dump(), "a.yaml"); }), wanted)
          << "--config: " << text;
    }
    if (row.in.model_file) {
      const auto parse = [&] {
        weights::parse_model_defaults(
            streamdiffusion::json::Json::parse(object.dump(), "streamdiffusion.json"));
      };
      EXPECT_EQ(accepted(parse), wanted) << "streamdiffusion.json: " << text;
    }
    if (row.in.server && !of_the_engine(row)) {
      EXPECT_EQ(by_server(with_room(object)), wanted) << "server: " << text;
    }
  }

 private:
  static bool has_flag(const Parameter& row) {
    const std::string_view name = row.name;
    return *row.in.flag != 0 || name == "prompt" || name == "prompt_list";
  }
  /// An empty list in the library's options means unset.
  static bool unset(const json& value) { return value.is_structured() && value.empty(); }
};

TEST_P(FrontEnds, AcceptTheSameValues) {
  for (const json& value : GetParam().accepted) expect(value, true);
}

TEST_P(FrontEnds, RefuseTheSameValues) {
  for (const json& value : GetParam().refused) expect(value, false);
}

INSTANTIATE_TEST_SUITE_P(Parameters, FrontEnds, ::testing::ValuesIn(kCases),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(FrontEndCases, HaveEveryParameterWithARange) {
  for (const Parameter& row : parameters()) {
    if (std::holds_alternative<Boolean>(row.type) || std::holds_alternative<Choice>(row.type) ||
        ((row.group == Group::engine || row.group == Group::run) &&
         std::holds_alternative<Text>(row.type))) {
      continue;
    }
    EXPECT_TRUE(std::ranges::any_of(kCases, [&](const Case& c) {
      return std::string_view(c.name) == row.name;
    })) << row.name;
  }
}

TEST(FrontEndCases, FlagsAndFilesRefuseWhatIsEmpty) {
  for (const Parameter& row : parameters()) {
    const std::string key = row.name;
    const bool may_be_none =  // in the forks' files
        key == "lora_dict" || key == "controlnets" || key == "ipadapters";
    if (row.in.yaml && !may_be_none) {
      for (const char* value : {"", "\"\"", "\" \"", "\"\u3000\"", "~", "[]", "{}"}) {
        EXPECT_FALSE(accepted([&] { config::parse_config(key + ": " + value, "a.yaml"); }))
            << key << ": " << value;
      }
    }
    if (*row.in.flag != 0 && !std::holds_alternative<Boolean>(row.type)) {
      for (const char* value : {"", " ", "\t\u3000"}) {
        EXPECT_FALSE(by_flags({row.in.flag, value})) << row.in.flag << ": " << value;
      }
    }
  }
  EXPECT_TRUE(by_server({{"negative_prompt", ""}, {"prompt", ""}})) << "an empty field of the page";
  EXPECT_TRUE(by_server({{"negative_prompt", "\u3000"}, {"prompt", " "}})) << "the same";
}

TEST(FrontEndCases, RefuseNumbersThatAreNotFinite) {
  for (const Parameter& row : parameters()) {
    const auto* type = std::get_if<Number>(&row.type);
    if (type == nullptr) continue;
    for (const double value : {double{NAN}, double{INFINITY}, -double{INFINITY}}) {
      Settings settings;
      type->member.set(settings, value);
      EXPECT_FALSE(accepted([&] { check(settings); })) << row.name;
    }
    for (const char* text : {"nan", ".nan", "inf", "-inf", ".inf", "1e999"}) {
      const std::string key = row.name;
      if (row.in.yaml) {
        EXPECT_FALSE(accepted([&] { config::parse_config(key + ": " + text, "a.yaml"); })) << key;
      }
      if (*row.in.flag != 0) {
        EXPECT_FALSE(by_flags({row.in.flag + std::string("=") + text})) << row.in.flag << text;
      }
    }
  }
  EXPECT_FALSE(by_flags({"--prompt", "a", "--prompt-weights=nan"}));
  LiveSettings prompts{.prompts = {{"a", NAN}}};
  EXPECT_FALSE(accepted([&] { check(prompts); }));
}

TEST(FrontEndCases, TheOperatorsLimitsAreLimitsOnly) {
  const streamdiffusion::testing::FakeStreamFactory factory;
  const server::ParameterTable table(factory, {.side = 100, .steps = 4});
  const json schema = table.schema()["properties"];
  EXPECT_EQ(schema["width"]["maximum"], 96);
  EXPECT_EQ(schema["width"]["minimum"], 8);
  EXPECT_EQ(schema["steps"]["maximum"], 4);
  EXPECT_EQ(schema["t_index_list"]["maxItems"], 4);
  EXPECT_EQ(schema["timesteps"]["maxItems"], 4);
}

}  // namespace
}  // namespace streamdiffusion::params

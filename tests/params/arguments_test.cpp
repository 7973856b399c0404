// What a user types reaches the program as it was typed, or is refused.
#include "arguments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "base/error.h"
#include "base/log.h"
#include "parameter_flags.h"

namespace streamdiffusion::app {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

/// What a command line with one flag of each kind makes of its arguments.
struct Typed {
  std::string text, error;
  std::vector<std::string> texts, warnings;
  params::Settings settings;
  bool quiet = false;
};

Typed typed(std::vector<std::string> arguments) {
  Typed out;
  base::set_log_callback(
      [&](base::LogLevel, std::string_view line) { out.warnings.emplace_back(line); });
  CommandLine program("A test.", "test", "1");
  Flags flags = program.command("command", "A command.");
  ParameterFlags parameters;
  flags.text("--text,--other-name", out.text, "A text");
  flags.texts("--texts", out.texts, "Texts");
  flags.flag("--quiet", out.quiet, "A switch");
  parameters.add_engine(flags);
  parameters.add_stream(flags, true);
  flags.run([] {});
  arguments.insert(arguments.begin(), {"test", "command"});
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  ::testing::internal::CaptureStderr();
  try {
    program.run(static_cast<int>(argv.size()), argv.data());
    out.settings = parameters.parsed();
  } catch (const Error& error) {
    out.error = error.what();
  }
  out.error += ::testing::internal::GetCapturedStderr();
  base::set_log_callback({});
  return out;
}

const char* const kTexts[]{
    "[red apple, blue fish]",
    "[a]",
    "[]",
    "{}",
    "%%",
    "a,b",
    "\"quoted\"",
    "'it'",
    "a\\nb",
    "\\",
    "-5 C",
    "--no hands",
    "--",
    "-h",
    "a=b",
    "--a=b",
    " a",
    "\x01",
    "(word:1.3)",
    "`ls`",
    "$HOME",
    "#1",
    "@file",
    "/path",
    "[[a,b],[c]]",
    "a b  ",
    "{a|b}",
    "<lora:a>",
    "AND",
    "\xc3\xa4",
};

TEST(Arguments, ATextStaysText) {
  for (const std::string text : kTexts) {
    EXPECT_EQ(typed({"--text", text}).text, text);
    EXPECT_EQ(typed({"--text=" + text}).text, text);
    EXPECT_THAT(typed({"--texts", text}).texts, ElementsAre(text));
    EXPECT_THAT(typed({"--texts=" + text, "--texts", "b"}).texts, ElementsAre(text, "b"));
    const Typed prompts = typed({"--prompt", text, "--negative-prompt", text, "--vae", text});
    ASSERT_EQ(prompts.settings.live.prompts.size(), 1U) << text << prompts.error;
    EXPECT_EQ(prompts.settings.live.prompts[0].text, text);
    EXPECT_EQ(prompts.settings.live.negative_prompt, text);
    EXPECT_EQ(prompts.settings.engine.vae, text);
  }
  EXPECT_THAT(typed({"--texts", "[a,b]", "c,d"}).texts, ElementsAre("[a,b]", "c,d"));
}

TEST(Arguments, NumbersAreDecimalAndInRange) {
  EXPECT_EQ(typed({"--seed", "010"}).settings.live.options.seed, 10);
  EXPECT_EQ(typed({"--width", "256"}).settings.live.options.width, 256);
  EXPECT_EQ(typed({"--delta", "1.5e0"}).settings.live.options.delta, 1.5F);
  for (const char* flag : {"--seed", "--width", "--threads", "--delta", "--t-index-list",
                           "--guidance-scale", "--prompt-weights"}) {
    for (const std::string number :
         {"0x10", "0b1", "+5", " 5", "5 ", "5x", "1e400", "nan", "99999999999999999999", "1,", "",
          "1_0", "five", "-2", "--5", "1'000"}) {
      const Typed result = typed({"--prompt", "a", std::string(flag) + "=" + number});
      EXPECT_THAT(result.error, HasSubstr(flag)) << number;
    }
  }
  for (const char* flag : {"--seed", "--width", "--t-index-list"}) {
    EXPECT_THAT(typed({flag, "1e1"}).error, HasSubstr(flag));
    EXPECT_THAT(typed({flag, "8.0"}).error, HasSubstr(flag));
  }
  EXPECT_THAT(typed({"--t-index-list", "18,,32"}).error, HasSubstr("--t-index-list"));
}

TEST(Arguments, AControlNetIsAModelAScaleAndAPreprocessor) {
  const auto only = [](const char* text) {
    const Typed result = typed({"--controlnet", text});
    EXPECT_EQ(result.error, "") << text;
    const auto& nets = result.settings.engine.controlnets;
    return nets.size() == 1 ? nets.front() : ControlNet();
  };
  const auto net = [](const char* model, float scale, Preprocessor preprocessor) {
    return ControlNet{model, {.scale = scale, .image = {.preprocessor = preprocessor}}};
  };
  EXPECT_EQ(only("a/canny"), net("a/canny", 1, Preprocessor::automatic));
  EXPECT_EQ(only("a/canny:0.5"), net("a/canny", 0.5F, Preprocessor::automatic));
  EXPECT_EQ(only("depth:passthrough"), net("depth", 1, Preprocessor::passthrough));
  EXPECT_EQ(only("net:0.8:soft_edge"), net("net", 0.8F, Preprocessor::soft_edge));
  EXPECT_EQ(only("net:blur:0.8"), net("net", 0.8F, Preprocessor::blur));
  EXPECT_EQ(only("C:nets/a:2"), net("C:nets/a", 2, Preprocessor::automatic));
  EXPECT_EQ(only("civitai:123"), net("civitai:123", 1, Preprocessor::automatic));
  EXPECT_EQ(only("civitai:123:0.5"), net("civitai:123", 0.5F, Preprocessor::automatic));
  EXPECT_EQ(
      typed({"--controlnet", "a", "--controlnet", "b:0.5"}).settings.engine.controlnets.size(), 2U);
  EXPECT_THAT(typed({"--controlnet", "net:cany"}).error,
              HasSubstr("\"cany\" is no preprocessor; did you mean canny?"));
  for (const char* scale : {"11", "-1", "nan", "inf"}) {
    EXPECT_THAT(typed({"--controlnet", std::string("net:") + scale}).error,
                HasSubstr(std::string("--controlnet: the scale of net is ") + scale +
                          ", expected a number from 0 to 10"));
  }
  EXPECT_THAT(typed({"--controlnet", "net:0.5:0.6"}).error,
              HasSubstr("\"net:0.5:0.6\" has two scales, expected MODEL[:SCALE][:PREPROCESSOR]"));
  EXPECT_THAT(typed({"--controlnet", "net:canny:blur"}).error, HasSubstr("has two words"));
  for (const char* nameless : {":0.5", ":canny", "::0.5"}) {
    EXPECT_THAT(typed({"--controlnet", nameless}).error,
                HasSubstr("names no model, expected MODEL"))
        << nameless;
  }
}

TEST(Arguments, AnIpAdapterIsAModelAScaleAndLayers) {
  const auto only = [](const char* text) {
    const Typed result = typed({"--ip-adapter", text});
    EXPECT_EQ(result.error, "") << text;
    const auto& adapters = result.settings.engine.ip_adapters;
    return adapters.size() == 1 ? adapters.front() : IpAdapter();
  };
  const auto adapter = [](const char* file, float scale, ImageLayers layers) {
    return IpAdapter{file, "", {.scale = scale, .layers = layers}};
  };
  EXPECT_EQ(only("a.safetensors"), adapter("a.safetensors", 1, ImageLayers::whole));
  EXPECT_EQ(only("a.safetensors:0.6"), adapter("a.safetensors", 0.6F, ImageLayers::whole));
  EXPECT_EQ(only("a:style"), adapter("a", 1, ImageLayers::style));
  EXPECT_EQ(only("a:composition:2"), adapter("a", 2, ImageLayers::composition));
  EXPECT_THAT(typed({"--ip-adapter", "a:stile"}).error,
              HasSubstr("\"stile\" is no choice of layers; did you mean style?"));
  for (const char* scale : {"11", "-1", "nan"}) {
    EXPECT_THAT(typed({"--ip-adapter", std::string("a:") + scale}).error,
                HasSubstr(std::string("--ip-adapter: the scale of a is ") + scale +
                          ", expected a number from 0 to 10"));
  }
  EXPECT_THAT(typed({"--ip-adapter", ":0.5"}).error,
              HasSubstr("names no model, expected MODEL[:SCALE][:LAYERS]"));
  const Typed two = typed({"--ip-adapter", "a", "--ip-adapter", "b:0.5", "--style-image", "1.png",
                           "2.png", "--style-image", "3.png"});
  ASSERT_EQ(two.settings.engine.ip_adapters.size(), 2U);
  for (const IpAdapter& each : two.settings.engine.ip_adapters) {
    EXPECT_EQ(each.prompt.files, (std::vector<std::string>{"1.png", "2.png", "3.png"}));
  }
  EXPECT_THAT(typed({"--style-image", "1.png"}).error, HasSubstr("without --ip-adapter"));
}

TEST(Arguments, ASeedOfMinusOneIsDrawnAndPrinted) {
  std::set<std::int64_t> seeds;
  for (int i = 0; i < 4; ++i) {
    const Typed result = typed({"--seed", "-1"});
    const std::int64_t seed = result.settings.live.options.seed;
    EXPECT_GE(seed, 0);
    EXPECT_THAT(result.warnings, ElementsAre("seed " + std::to_string(seed)));
    seeds.insert(seed);
  }
  EXPECT_GT(seeds.size(), 1U);
  EXPECT_THAT(typed({"--seed", "-2"}).error,
              HasSubstr("--seed is -2, expected an integer from -1"));
  EXPECT_THAT(typed({"--seed", "18446744073709551615"}).error, HasSubstr("--seed"));
}

TEST(Arguments, AnEmptyValueIsRefused) {
  for (const char* flag : {"--text", "--texts", "--prompt", "--negative-prompt", "--model",
                           "--seed", "--delta", "--cfg-type", "--t-index-list"}) {
    EXPECT_THAT(typed({flag, ""}).error, HasSubstr(std::string(flag) + " is empty"));
    const Typed swallowed = typed({std::string(flag) + "=", "--quiet"});
    EXPECT_THAT(swallowed.error, HasSubstr(std::string(flag) + " is empty"));
  }
  EXPECT_THAT(typed({"--text"}).error, HasSubstr("--text has no value"));
}

TEST(Arguments, AFlagStandsOnce) {
  const std::vector<std::string> cases[]{{"--seed", "1", "--seed", "2"},
                                         {"--quiet", "--quiet"},
                                         {"--t-index-list", "1", "--t-index-list", "2"},
                                         {"--lerp", "--lerp"}};
  for (const auto& arguments : cases) {
    EXPECT_THAT(typed(arguments).error, HasSubstr(arguments[0] + " is given twice"));
  }
  EXPECT_THAT(typed({"--text", "a", "--other-name", "b"}).error,
              HasSubstr("--text and --other-name are both given, expected one of them"));
}

TEST(Arguments, AnUnknownFlagIsNamedWithTheNearestOne) {
  EXPECT_THAT(typed({"--promt", "a"}).error, HasSubstr("did you mean --prompt?"));
  EXPECT_THAT(typed({"--negative_prompt=a"}).error, HasSubstr("did you mean --negative-prompt?"));
  EXPECT_THAT(typed({"-seed", "1"}).error, HasSubstr("did you mean --seed?"));
  EXPECT_THAT(typed({"--zzzzzzzzzzz"}).error, HasSubstr("--zzzzzzzzzzz is no flag of `command`"));
  EXPECT_THAT(typed({"--prompt", "a", "-b"}).error, HasSubstr("-b is no flag"));
  EXPECT_THAT(typed({"--text", "red", "apple"}).error, HasSubstr("\"apple\" belongs to no flag"));
  EXPECT_THAT(typed({"--quiet=no"}).error, HasSubstr("--quiet takes no value"));
}

TEST(Arguments, AForgottenValueIsWarnedAbout) {
  EXPECT_THAT(
      typed({"--text", "--quiet"}).warnings,
      ElementsAre("--quiet is taken as the value of --text, not as a flag; --text=TEXT says so"));
  for (const char* value : {"-x", "--quit", "--quiet=no"}) {
    EXPECT_THAT(typed({"--text", value}).warnings, SizeIs(1)) << "as a mistyped flag";
  }
  for (const char* value : {"-", "-5", "--", "- a dash", "--ar 16:9, a fish", "a-b"}) {
    EXPECT_THAT(typed({"--text", value}).warnings, IsEmpty()) << value;
  }
  EXPECT_THAT(typed({"--text=-quiet"}).warnings, IsEmpty());
}

}  // namespace
}  // namespace streamdiffusion::app

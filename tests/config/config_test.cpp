// YAML configs: what is read, what is refused and with which message.
#include "config/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/log.h"
#include "support/errors.h"
#include "support/temporary_folder.h"

namespace streamdiffusion::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Config, TakesTheShapeOfTheForks) {
  const params::Settings c = parse_config(R"(# a comment
model_id: models/pictogram
prompt: red apple, 3d render
negative_prompt: blurry
t_index_list: [18, 32]
num_inference_steps: 50
width: 256
height: 128
cfg_type: self
guidance_scale: 1.2
delta: 0.7
seed: 789
frame_buffer_size: 2
use_denoising_batch: false
do_add_noise: false
enable_similar_image_filter: true
similar_image_filter_threshold: 0.9
similar_image_filter_max_skip_frame: 5
input: walk.mp4
output: out.mp4
fps: 12.5
fit: contain
mode: img2img
use_lcm_lora: false
use_cached_attn: true
cache_maxframes: 3
cache_interval: 4
use_feature_injection: true
fi_strength: 0.5
fi_threshold: 0.9
acceleration: none
controlnets: []
)",
                                          "a.yaml");
  EXPECT_EQ(c.engine.model, "models/pictogram");
  ASSERT_EQ(c.live.prompts.size(), 1U);
  EXPECT_EQ(c.live.prompts[0].text, "red apple, 3d render");
  EXPECT_EQ(c.live.negative_prompt, "blurry");
  EXPECT_THAT(c.live.options.t_index_list, ElementsAre(18, 32));
  EXPECT_EQ(c.live.options.width, 256);
  EXPECT_EQ(c.live.options.height, 128);
  EXPECT_EQ(c.live.options.cfg_type, CfgType::self);
  EXPECT_FLOAT_EQ(c.live.options.guidance_scale.value(), 1.2F);
  EXPECT_FLOAT_EQ(c.live.options.delta.value(), 0.7F);
  EXPECT_EQ(c.live.options.seed, 789U);
  EXPECT_EQ(c.live.options.frame_buffer_size, 2);
  EXPECT_FALSE(c.live.options.use_denoising_batch);
  EXPECT_FALSE(c.live.options.do_add_noise);
  EXPECT_TRUE(c.live.options.use_cached_attn);
  EXPECT_EQ(c.live.options.cache_maxframes, 3);
  EXPECT_EQ(c.live.options.cache_interval, 4);
  EXPECT_TRUE(c.live.options.use_feature_injection);
  EXPECT_FLOAT_EQ(c.live.options.feature_injection_strength, 0.5F);
  EXPECT_FLOAT_EQ(c.live.options.feature_injection_threshold, 0.9F);
  EXPECT_TRUE(c.live.options.enable_similar_image_filter);
  EXPECT_FLOAT_EQ(c.live.options.similar_image_filter_threshold, 0.9F);
  EXPECT_EQ(c.live.options.similar_image_filter_max_skip_frame, 5);
  EXPECT_EQ(c.run.input, "walk.mp4");
  EXPECT_EQ(c.run.output, "out.mp4");
  EXPECT_EQ(c.run.fps, 12.5);
  EXPECT_EQ(c.live.fit, Fit::contain);
  EXPECT_FALSE(c.run.realtime.has_value());
}

TEST(Config, TakesABlendInEveryWayItIsWritten) {
  for (const char* text : {
           "prompt_list: [[cat, 0.75], [dog, 0.25]]",
           "blending: [[cat, 0.75], [dog, 0.25]]",
           "blending:\n  - {text: cat, weight: 0.75}\n  - {prompt: dog, weight: 0.25}",
           "blending:\n  prompt_list: [[cat, 0.75], [dog, 0.25]]\n"
           "  interpolation_method: linear",
       }) {
    const params::Settings c = parse_config(text, "a.yaml");
    ASSERT_EQ(c.live.prompts.size(), 2U) << text;
    EXPECT_EQ(c.live.prompts[1].text, "dog");
    EXPECT_FLOAT_EQ(c.live.prompts[0].weight, 0.75F);
  }
  EXPECT_EQ(parse_config("prompt: [cat, dog]", "a").live.prompts.size(), 2U);
  EXPECT_EQ(parse_config("prompt_interpolation_method: linear", "a").live.interpolation,
            Interpolation::linear);
}

TEST(Config, TakesSeedsInEveryWayTheyAreWritten) {
  const std::vector<WeightedSeed> blend{{2, 0.75F}, {5, 0.25F}};
  EXPECT_EQ(parse_config("seed_list: [[2, 0.75], [5, 0.25]]", "a").live.options.seed_list, blend);
  const params::Settings forks = parse_config(
      "seed_blending:\n  seed_list: [[2, 0.75], [5, 0.25]]\n  interpolation_method: linear", "a");
  EXPECT_EQ(forks.live.options.seed_list, blend);
  EXPECT_EQ(forks.live.options.seed_interpolation, Interpolation::linear);
  EXPECT_EQ(parse_config("seed_list: [2, 5]", "a").live.options.seed_list,
            (std::vector<WeightedSeed>{{2, 1}, {5, 1}}));
}

TEST(Config, TakesAScheduleOfPrompts) {
  const params::Settings c = parse_config(
      "prompt_schedule:\n"
      "  - {time: 0, prompt: red apple}\n"
      "  - {time: 2.5, prompt_list: [[cat, 1], [dog, 3]], transition: 1}\n",
      "a");
  ASSERT_EQ(c.run.prompt_schedule.size(), 2U);
  EXPECT_EQ(c.run.prompt_schedule[0].prompts[0].text, "red apple");
  EXPECT_EQ(c.run.prompt_schedule[1].time, 2.5);
  EXPECT_EQ(c.run.prompt_schedule[1].prompts[1].weight, 3);
  EXPECT_EQ(c.run.prompt_schedule[1].transition_seconds, 1);
  for (const auto& [text, message] : std::vector<std::pair<std::string, std::string>>{
           {"[{time: 1, prompt: a}, {time: 1, prompt: b}]", "a later time than that of the entry"},
           {"[{time: -1, prompt: a}]", "a number from 0 to"},
           {"[{time: .nan, prompt: a}]", "a number"},
           {"[{prompt: a}]", "time"},
           {"[{time: 1}]", "prompt"},
           {"[{time: 1, prompt: a, until: 3}]", "until"},
           {"[{time: 1, prompt_list: [[a, 0]]}]", "at least one above 0"},
           {"[]", "prompt_schedule"},
           {"red apple", "prompt_schedule"}}) {
    EXPECT_THAT(
        streamdiffusion::testing::error_of([&] { parse_config("prompt_schedule: " + text, "a"); }),
        ::testing::HasSubstr(message))
        << text;
  }
}

TEST(Config, ATextStaysText) {
  EXPECT_EQ(parse_config("prompt: \"[red apple, blue fish]\"", "a").live.prompts.front().text,
            "[red apple, blue fish]");
  EXPECT_EQ(parse_config("prompt: (red apple:1.3), {a|b}", "a").live.prompts.front().text,
            "(red apple:1.3), {a|b}");
  EXPECT_EQ(parse_config("seed: 010", "a").live.options.seed, 10);
  EXPECT_EQ(parse_config("seed: -1", "a").live.options.seed, kDrawSeed);
  EXPECT_EQ(parse_config("prompt: !!str 5\nseed: !!int 7", "a").live.options.seed, 7);
}

TEST(Config, TheTinyAutoencoderIsAWordUnlessOneIsNamed) {
  EXPECT_EQ(parse_config("use_tiny_vae: true", "a.yaml").engine.vae, "tiny");
  EXPECT_EQ(parse_config("use_tiny_vae: false", "a.yaml").engine.vae, "own");
  for (const char* text : {"use_tiny_vae: true\nvae_id: a/b", "vae_id: a/b\nuse_tiny_vae: true"})
    EXPECT_EQ(parse_config(text, "a.yaml").engine.vae, "a/b");
}

TEST(Config, ARateMayBeARatio) {
  EXPECT_EQ(parse_config("fps: 30000/1001", "a").run.fps, 30000.0 / 1001);
  EXPECT_EQ(parse_config("fps: 25", "a").run.fps, 25.0);
}

TEST(Config, SaysWhatItSets) {
  EXPECT_THAT(parse_config("prompt: a\ndelta: 1\nfps: 5", "a").given,
              ElementsAre("delta", "fps", "prompt_list"));
}

TEST(Config, AnEmptyFileSaysNothing) {
  EXPECT_TRUE(parse_config("", "a.yaml").live.prompts.empty());
  EXPECT_TRUE(parse_config("# only a comment\n", "a.yaml").live.prompts.empty());
}

TEST(Config, NamesWhatIsWrongAndWhere) {
  const std::tuple<const char*, const char*, ErrorCode> cases[]{
      {"width: 256\npromt: cat", "a.yaml:2: unknown key \"promt\"; did you mean \"prompt\"?",
       ErrorCode::invalid_argument},
      {"guidance: 1", "unknown key \"guidance\"", ErrorCode::invalid_argument},
      {"zzzzzz: 1", "a.yaml:1: unknown key \"zzzzzz\"", ErrorCode::invalid_argument},
      {"\n\ndelta: much", "a.yaml:3: delta is \"much\", expected a number",
       ErrorCode::invalid_argument},
      {"fps: 30000/0",
       "fps is \"30000/0\", expected a number from 0.001 to 1000, or a ratio such as 30000/1001",
       ErrorCode::invalid_argument},
      {"fps: [25]", "fps is a list of 1, expected a number", ErrorCode::invalid_argument},
      {"delta: 1/2", "delta is \"1/2\", expected a number from 0 to 100",
       ErrorCode::invalid_argument},
      {"width: 256.5", "width is \"256.5\", expected a whole number", ErrorCode::invalid_argument},
      {"width: 4", "width is \"4\", expected an integer from 8 to 16384",
       ErrorCode::invalid_argument},
      {"seed: -2", "seed is \"-2\"", ErrorCode::invalid_argument},
      {"seed: 0x10", "seed is \"0x10\"", ErrorCode::invalid_argument},
      {"seed: 18446744073709551615", "seed is \"1844", ErrorCode::invalid_argument},
      {"seed: +5", "seed is \"+5\"", ErrorCode::invalid_argument},
      {"seed: 1e3", "seed is \"1e3\"", ErrorCode::invalid_argument},
      {"prompt: \"\"", "prompt is empty, expected a text; () stands for no text",
       ErrorCode::invalid_argument},
      {"prompt: \"  \"", "prompt is empty, expected a text", ErrorCode::invalid_argument},
      {"seed: 5\nprompt: caf\xe9\n", ":2: the byte \"\\xe9\" is no UTF-8; expected a file that is",
       ErrorCode::invalid_argument},
      {"width: 64\nprompt: \"cat dog\nseed: 5\n", ":2: not YAML: a quote that opens here or below",
       ErrorCode::invalid_argument},
      {"prompt: 'cat\n", ":1: not YAML: a quote", ErrorCode::invalid_argument},
      {"prompt: cat\n\"wid", ":2: not YAML", ErrorCode::invalid_argument},
      {"negative_prompt: \"\\t\"",
       "negative_prompt is empty, expected a text; () stands for no text",
       ErrorCode::invalid_argument},
      {"prompt_list: [[\"\u3000\", 1]]", "is empty, expected a text", ErrorCode::invalid_argument},
      {"output:", "output is empty, expected a text", ErrorCode::invalid_argument},
      {"codec: h265", "codec is \"h265\", expected h264, vp8, vp9", ErrorCode::invalid_argument},
      {"prompt: a\nprompt_list: [[b, 1]]", "a.yaml:2: prompt_list sets prompt_list a second time",
       ErrorCode::invalid_argument},
      {"model: a\nmodel_id: b", "a.yaml:2: model_id sets model a second time",
       ErrorCode::invalid_argument},
      {"blending: {prompt_list: [[a, 1]], prompt_list: [[b, 1]]}", "has prompt_list twice",
       ErrorCode::invalid_argument},
      {"prompt_list: [{text: a, weight: 1, wait: 2}]",
       "has the key \"wait\", expected text, weight", ErrorCode::invalid_argument},
      {"seed: 1\n---\nseed: 2", "a.yaml:2: text follows the first document",
       ErrorCode::invalid_argument},
      {",seed: 1", "a.yaml:1: text follows the first document", ErrorCode::invalid_argument},
      {"seed: 1\n---\n,", "text follows the first document", ErrorCode::invalid_argument},
      {"t_index_list: 18", "t_index_list is \"18\", expected a list", ErrorCode::invalid_argument},
      {"t_index_list: [1, x]", "t_index_list[1] is \"x\"", ErrorCode::invalid_argument},
      {"prompt: !!binary aGVsbG8=", "a.yaml:1: prompt has the tag \"tag:yaml.org,2002:binary\"",
       ErrorCode::invalid_argument},
      {"prompt_list: [[!mine cat, 1]]", "prompt_list[0][0] has the tag \"!mine\"",
       ErrorCode::invalid_argument},
      {"!mine {prompt: a}", "the document has the tag \"!mine\"", ErrorCode::invalid_argument},
      {"cfg_type: some", "cfg_type is \"some\", expected none, full, self, initialize",
       ErrorCode::invalid_argument},
      {"do_add_noise: maybe", "expected true or false", ErrorCode::invalid_argument},
      {"prompt: {a: b}", "has the key \"a\", expected text, weight", ErrorCode::invalid_argument},
      {"prompt_list: [[cat]]", "prompt_list[0] is a list of 1, expected a text and its weight",
       ErrorCode::invalid_argument},
      {"prompt_list: [[cat, -1]]", "prompt_list[0][1] is \"-1\"", ErrorCode::invalid_argument},
      {"input: [a]", "input is a list of 1, expected a text", ErrorCode::invalid_argument},
      {"fps: 0", "fps is \"0\"", ErrorCode::invalid_argument},
      {"mode: txt2img", "mode is \"txt2img\"", ErrorCode::invalid_argument},
      {"seed: 1\nseed: 2", "a.yaml:2: seed appears a second time", ErrorCode::invalid_argument},
      {"- a\n- b", "expected keys and values", ErrorCode::invalid_argument},
      {"a: [1, 2", "not YAML", ErrorCode::invalid_argument},
      {"controlnets:\n  - {model_id: a, scale: 1}",
       "a.yaml:2: controlnets[0] has the key \"scale\", expected model_id, conditioning_scale",
       ErrorCode::invalid_argument},
      {"controlnets: [a]", "controlnets[0] is \"a\", expected a map with model_id",
       ErrorCode::invalid_argument},
      {"controlnets: [{enabled: true}]", "controlnets[0]", ErrorCode::invalid_argument},
      {"controlnets: [{model_id: a, conditioning_scale: 11}]",
       "controlnets[0].conditioning_scale is \"11\", expected a number from 0 to 10",
       ErrorCode::invalid_argument},
      {"controlnets: [{model_id: a, preprocessor: depth_tensorrt}]",
       "preprocessor is \"depth_tensorrt\", expected auto, passthrough, canny",
       ErrorCode::invalid_argument},
      {"controlnets: [{model_id: a, preprocessor_params: {resolution: 512}}]",
       "has the key \"resolution\", expected low_threshold", ErrorCode::invalid_argument},
      {"controlnets:\n- model_id: a\n  control_guidance_start: 0.8\n  control_guidance_end: 0.3",
       "a.yaml:3: controlnets[0].control_guidance_start is \"0.8\", expected less than "
       "control_guidance_end, 0.3",
       ErrorCode::invalid_argument},
      {"controlnets: [{model_id: a, control_guidance_end: 0}]",
       "controlnets[0].control_guidance_end is \"0\", expected more than control_guidance_start, 0",
       ErrorCode::invalid_argument},
      {"controlnets: [{model_id: a, preprocessor_params: {high_threshold: 50}}]",
       "preprocessor_params.high_threshold is \"50\", expected at least low_threshold, 100",
       ErrorCode::invalid_argument},
      {"controlnets: [{model_id: a, model: b}]", "has the key \"model_id\"",
       ErrorCode::invalid_argument},
      {"ipadapters:\n  - {ipadapter_model_path: a, style_key: x}",
       "a.yaml:2: ipadapters[0] has the key \"style_key\", expected ipadapter_model_path",
       ErrorCode::invalid_argument},
      {"ipadapters: [{scale: 1}]", "ipadapters[0]", ErrorCode::invalid_argument},
      {"ipadapters: [a]", "expected a map with ipadapter_model_path", ErrorCode::invalid_argument},
      {"ipadapters: [{ipadapter_model_path: a, scale: 11}]",
       "ipadapters[0].scale is \"11\", expected a number from 0 to 10",
       ErrorCode::invalid_argument},
      {"ipadapters: [{ipadapter_model_path: a, type: faceid}]",
       "ipadapters[0].type is \"faceid\", expected regular; a FaceID adapter needs",
       ErrorCode::invalid_argument},
      {"ipadapters: [{ipadapter_model_path: a, insightface_model_name: buffalo_l}]",
       "InsightFace is not supported", ErrorCode::invalid_argument},
      {"ipadapters: [{ipadapter_model_path: a, weight_type: ease in}]",
       "expected linear, style transfer or composition", ErrorCode::invalid_argument},
      {"ipadapters: [{ipadapter_model_path: a, style_image: "
       "[a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q]}]",
       "ipadapters[0].style_image is a list of 17, expected at most 16 images",
       ErrorCode::invalid_argument},
      {"ipadapters: [{ipadapter_model_path: a, weight_type: linear, layers: style}]",
       "expected either weight_type or layers", ErrorCode::invalid_argument},
      {"use_ipadapter: maybe", "expected true or false", ErrorCode::invalid_argument},
      {"image_prompts: [{scale: 1}]", "unknown key", ErrorCode::invalid_argument},
      {"use_controlnet: maybe", "expected true or false", ErrorCode::invalid_argument},
      {"use_lcm_lora: true", "use_lcm_lora is not supported", ErrorCode::unsupported},
      {"acceleration: tensorrt", "acceleration is not supported", ErrorCode::unsupported},
  };
  for (const auto& [text, expected, code] : cases) {
    try {
      parse_config(text, "a.yaml");
      ADD_FAILURE() << text << ": was taken";
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr(expected));
      EXPECT_EQ(error.code(), code) << text;
    }
  }
}

TEST(Config, ControlNetsHaveTheShapeOfTheForks) {
  const std::string text = R"(use_controlnet: true
controlnets:
  - model_id: thibaud/controlnet-sd21-canny-diffusers
    conditioning_scale: 0.8
    preprocessor: canny
    preprocessor_params: {low_threshold: 50, high_threshold: 150}
    enabled: true
    control_guidance_start: 0.1
    control_guidance_end: 0.9
  - model: depth
    guess_mode: true
    enabled: false
    preprocessor_params: {}
)";
  const auto nets = parse_config(text, "a.yaml").engine.controlnets;
  ASSERT_EQ(nets.size(), 2U);
  EXPECT_EQ(nets[0].model, "thibaud/controlnet-sd21-canny-diffusers");
  EXPECT_EQ(nets[0].settings, (ControlSettings{.scale = 0.8F,
                                               .start = 0.1F,
                                               .end = 0.9F,
                                               .image = {.preprocessor = Preprocessor::canny,
                                                         .low_threshold = 50,
                                                         .high_threshold = 150}}));
  EXPECT_EQ(nets[1].model, "depth");
  EXPECT_EQ(nets[1].settings, (ControlSettings{.guess_mode = true, .enabled = false}));
}

TEST(Config, IpAdaptersHaveTheShapeOfTheForks) {
  const std::string text = R"(use_ipadapter: true
ipadapters:
  - ipadapter_model_path: h94/IP-Adapter/models/ip-adapter_sd15.safetensors
    image_encoder_path: h94/IP-Adapter/models/image_encoder
    style_image: paintings/harbor.jpg
    scale: 0.7
    enabled: true
    type: regular
    num_image_tokens: 4
    weight_type: style transfer
    insightface_model_name:
  - ipadapter_model_path: plus.safetensors
    style_image: [a.png, b.png]
    layers: composition
    enabled: false
)";
  std::vector<std::string> lines;
  base::set_log_callback([&](base::LogLevel, std::string_view line) { lines.emplace_back(line); });
  const auto adapters = parse_config(text, "a.yaml").engine.ip_adapters;
  base::set_log_callback({});
  EXPECT_THAT(lines, ElementsAre(HasSubstr("num_image_tokens has no effect")));
  ASSERT_EQ(adapters.size(), 2U);
  EXPECT_EQ(adapters[0],
            (IpAdapter{
                "h94/IP-Adapter/models/ip-adapter_sd15.safetensors",
                "h94/IP-Adapter/models/image_encoder",
                {.scale = 0.7F, .layers = ImageLayers::style, .files = {"paintings/harbor.jpg"}}}));
  EXPECT_EQ(
      adapters[1],
      (IpAdapter{
          "plus.safetensors",
          "",
          {.layers = ImageLayers::composition, .enabled = false, .files = {"a.png", "b.png"}}}));
  base::set_log_callback([](base::LogLevel, std::string_view) {});
  EXPECT_TRUE(parse_config("use_ipadapter: false\n" + text.substr(text.find('\n') + 1), "a.yaml")
                  .engine.ip_adapters.empty());
  base::set_log_callback({});
}

TEST(Config, UseControlnetFalseLeavesThemOut) {
  for (const char* text : {"use_controlnet: false\ncontrolnets: [{model_id: a}]",
                           "controlnets: [{model_id: a}]\nuse_controlnet: false"}) {
    std::vector<std::string> lines;
    base::set_log_callback(
        [&](base::LogLevel, std::string_view line) { lines.emplace_back(line); });
    EXPECT_TRUE(parse_config(text, "a.yaml").engine.controlnets.empty());
    base::set_log_callback({});
    EXPECT_THAT(lines, ElementsAre(HasSubstr("use_controlnet is false")));
  }
}

TEST(Config, AFileThatIsNotThereIsNamed) {
  EXPECT_THROW(read_config("no/such/file.yaml"), Error);
  const streamdiffusion::testing::TemporaryFolder folder;
  const auto pointer =
      folder.write("a.yaml", "version https://git-lfs.github.com/spec/v1\noid: 0\n");
  EXPECT_THAT(streamdiffusion::testing::error_of([&] { read_config(pointer); }),
              ::testing::HasSubstr("a pointer of Git LFS"));
}

}  // namespace
}  // namespace streamdiffusion::config

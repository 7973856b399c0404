#include "config/config.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <fstream>
#include <functional>
#include <limits>
#include <set>

#include "base/edit_distance.h"
#include "config/value.h"

namespace streamdiffusion::config {
namespace {

using base::ErrorCode;

constexpr std::int64_t kMostInt = std::numeric_limits<std::int32_t>::max();
constexpr std::int64_t kMostLong = std::numeric_limits<std::int64_t>::max();
constexpr double kMostNumber = 1e6;
constexpr std::size_t kMostBytes = std::size_t{1} << 20;
constexpr std::size_t kMostPrompts = 64;

/// ["red apple", 0.7], {text: red apple, weight: 0.7}, or a text alone
WeightedPrompt weighted(const Value& v) {
  constexpr double kMostWeight = 1000;
  if (v.is_map()) {
    const Value text = v.member(v.node()["prompt"] ? "prompt" : "text");
    return {text.text(), static_cast<float>(v.member("weight").number(0, kMostWeight))};
  }
  if (!v.is_list()) return {v.text(), 1.0F};
  const std::vector<Value> pair = v.list();
  if (pair.size() != 2) v.wrong("a text and its weight");
  return {pair[0].text(), static_cast<float>(pair[1].number(0, kMostWeight))};
}

void set_prompts(Config& c, const Value& v) {
  c.prompts.clear();
  if (!v.is_list()) {
    c.prompts.push_back(weighted(v));
    return;
  }
  const std::vector<Value> prompts = v.list();
  if (prompts.empty() || prompts.size() > kMostPrompts) v.wrong("1..64 prompts");
  for (const Value& prompt : prompts) c.prompts.push_back(weighted(prompt));
}

/// A list of prompts, or a map with prompt_list and interpolation_method.
void set_blending(Config& c, const Value& v) {
  if (!v.is_map()) return set_prompts(c, v);
  set_prompts(c, v.member("prompt_list"));
  for (const auto& entry : v.node()) {
    if (!entry.first.IsScalar()) v.wrong("keys that are texts");
    const std::string& key = entry.first.Scalar();
    if (key == "interpolation_method") {
      c.interpolation = v.member(key).one_of(kPromptInterpolations);
    } else if (key != "prompt_list") {
      v.wrong("prompt_list and interpolation_method only, not " + key);
    }
  }
}

using Set = std::function<void(Config&, const Value&)>;

/// Setters for the types that many keys share.
template <typename Member>
Set text_to(Member member) {
  return [member](Config& c, const Value& v) { member(c) = v.text(); };
}
template <typename Member>
Set truth_to(Member member) {
  return [member](Config& c, const Value& v) { member(c) = v.truth(); };
}
template <typename Member>
Set int_to(Member member, int lowest, std::int64_t highest = kMostInt) {
  return [member, lowest, highest](Config& c, const Value& v) {
    member(c) = static_cast<int>(v.integer(lowest, highest));
  };
}
template <typename Member>
Set number_to(Member member, double lowest, double highest = kMostNumber) {
  return [member, lowest, highest](Config& c, const Value& v) {
    member(c) = static_cast<float>(v.number(lowest, highest));
  };
}
template <typename Member, typename Choice>
Set word_to(Member member, const Names<Choice>& names) {
  return [member, &names](Config& c, const Value& v) { member(c) = v.one_of(names); };
}
/// Names a place in a Config for the setters above.
#define SD_AT(place)        \
  [](Config & c) -> auto& { \
    return c.place;         \
  }

void set_steps(Config& c, const Value& v) {
  c.session.t_index_list.clear();
  for (const Value& step : v.list()) {
    c.session.t_index_list.push_back(static_cast<int>(step.integer(0, kMostInt)));
  }
}

void refuse_txt2img(Config&, const Value& v) {
  if (v.text() != "img2img") v.wrong("img2img; from text alone draws `streamdiffusion image`");
}

std::map<std::string, Set> drawing_keys() {
  return {
      {"model", text_to(SD_AT(engine.model))},
      {"model_id", text_to(SD_AT(engine.model))},
      {"model_id_or_path", text_to(SD_AT(engine.model))},
      {"vae", text_to(SD_AT(engine.vae))},
      {"vae_id", text_to(SD_AT(engine.vae))},
      {"random_weights", text_to(SD_AT(engine.random_weights))},
      {"device", text_to(SD_AT(engine.device))},
      {"dtype", word_to(SD_AT(engine.dtype), kDataTypes)},
      {"threads", int_to(SD_AT(engine.threads), 0, 1024)},
      {"max_isa", text_to(SD_AT(engine.max_isa))},
      {"prompt", set_prompts},
      {"prompt_list", set_prompts},
      {"prompt_blending", set_blending},
      {"prompt_interpolation_method", word_to(SD_AT(interpolation), kPromptInterpolations)},
      {"negative_prompt", text_to(SD_AT(negative_prompt))},
      {"t_index_list", set_steps},
      {"num_inference_steps", int_to(SD_AT(session.num_inference_steps), 1, 50)},
      {"width", int_to(SD_AT(session.width), 8, 16384)},
      {"height", int_to(SD_AT(session.height), 8, 16384)},
      {"cfg_type", word_to(SD_AT(session.cfg_type), kCfgTypes)},
      {"guidance_scale", number_to(SD_AT(session.guidance_scale), 0)},
      {"delta", number_to(SD_AT(session.delta), 0)},
      {"seed",
       [](Config& c, const Value& v) {
         c.session.seed = static_cast<std::uint64_t>(v.integer(0, kMostLong));
       }},
      {"do_add_noise", truth_to(SD_AT(session.do_add_noise))},
      {"use_denoising_batch", truth_to(SD_AT(session.use_denoising_batch))},
      {"frame_buffer_size", int_to(SD_AT(session.frame_buffer_size), 1, 64)},
      {"parallel", word_to(SD_AT(session.parallel), kParallels)},
      {"enable_similar_image_filter", truth_to(SD_AT(session.enable_similar_image_filter))},
      {"similar_image_filter_threshold",
       number_to(SD_AT(session.similar_image_filter_threshold), 0, 1)},
      {"similar_image_filter_max_skip_frame",
       int_to(SD_AT(session.similar_image_filter_max_skip_frame), 0, 1000000)},
      {"mode", refuse_txt2img},
  };
}

std::map<std::string, Set> media_keys() {
  return {
      {"input", text_to(SD_AT(input))},
      {"output", text_to(SD_AT(output))},
      {"input_format", text_to(SD_AT(input_format))},
      {"input_size", text_to(SD_AT(input_size))},
      {"output_format", text_to(SD_AT(output_format))},
      {"codec", text_to(SD_AT(codec))},
      {"fit", word_to(SD_AT(fit), kFits)},
      {"fps", [](Config& c, const Value& v) { c.fps = v.number(0.001, 1000); }},
      {"duration", [](Config& c, const Value& v) { c.duration = v.number(0.001, 1e9); }},
      {"frames",
       [](Config& c, const Value& v) {
         c.frames = static_cast<std::uint64_t>(v.integer(1, kMostLong));
       }},
      {"realtime", truth_to(SD_AT(realtime))},
      {"quiet", truth_to(SD_AT(quiet))},
  };
}

const std::map<std::string, Set>& keys() {
  static const std::map<std::string, Set> all = [] {
    std::map<std::string, Set> both = drawing_keys();
    both.merge(media_keys());
    return both;
  }();
  return all;
}

/// Of the forks, and to come or not; no value but "off" is taken.
const std::set<std::string> kNotYet{"acceleration",
                                    "cache_interval",
                                    "cache_maxframes",
                                    "cn_cache_interval",
                                    "compile_engines_only",
                                    "controlnets",
                                    "enable_pytorch_fallback",
                                    "engine_dir",
                                    "feedback_strength",
                                    "fi_strength",
                                    "fi_threshold",
                                    "image_postprocessing",
                                    "image_preprocessing",
                                    "ipadapters",
                                    "latent_postprocessing",
                                    "latent_preprocessing",
                                    "lcm_lora_id",
                                    "lora_dict",
                                    "normalize_prompt_weights",
                                    "output_type",
                                    "safety_checker_threshold",
                                    "sampler",
                                    "scheduler",
                                    "seed_blending",
                                    "seed_interpolation_method",
                                    "seed_list",
                                    "skip_diffusion",
                                    "use_cached_attn",
                                    "use_controlnet",
                                    "use_ipadapter",
                                    "use_lcm_lora",
                                    "use_safety_checker",
                                    "use_tiny_vae",
                                    "warmup"};

[[noreturn]] void refuse_unknown(const Value& v) {
  constexpr std::size_t kLongestKey = 60;
  const std::string key = v.key().substr(0, kLongestKey);
  std::string nearest;
  int least = std::max(2, static_cast<int>(key.size()) / 3) + 1;
  for (const auto& [known, set] : keys()) {
    if (const int d = base::edit_distance(key, known); d < least) {
      least = d;
      nearest = known;
    }
  }
  base::fail(ErrorCode::invalid_argument, v.place(), "unknown key \"", key, "\"",
             nearest.empty() ? "" : "; did you mean \"" + nearest + "\"?");
}

YAML::Node parsed(std::string_view text, const std::string& name) {
  try {
    return YAML::Load(std::string(text));
  } catch (const YAML::Exception& error) {
    base::fail(ErrorCode::invalid_argument, name, ":", error.mark.line + 1,
               ": not YAML: ", error.msg);
  }
}

void set_key(Config& config, const Value& v) {
  if (const auto known = keys().find(v.key()); known != keys().end()) {
    return known->second(config, v);
  }
  if (!kNotYet.contains(v.key())) refuse_unknown(v);
  base::require(v.is_off(), ErrorCode::unsupported, v.place(), v.key(), " is not supported yet");
}

}  // namespace

Config parse_config(std::string_view text, const std::string& name) {
  const YAML::Node root = parsed(text, name);
  Config config;
  if (root.IsNull()) return config;
  base::require(root.IsMap(), ErrorCode::invalid_argument, name,
                ":1: expected keys and values, such as `prompt: red apple`");
  std::set<std::string> seen;
  for (const auto& entry : root) {
    const Value key(entry.first, name, "a key");
    const Value value(entry.second, name, key.text());
    base::require(seen.insert(value.key()).second, ErrorCode::invalid_argument, key.place(),
                  value.key(), " stands here a second time");
    set_key(config, value);
  }
  return config;
}

Config read_config(const std::filesystem::path& path) {
  const std::string name = path.string();
  std::error_code error;
  base::require(std::filesystem::is_regular_file(path, error), ErrorCode::not_found, name,
                ": no such file");
  base::require(std::filesystem::file_size(path) <= kMostBytes, ErrorCode::invalid_argument, name,
                ": is larger than ", kMostBytes, " bytes");
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  base::require(file.good() || file.eof(), ErrorCode::io, name, ": cannot be read");
  return parse_config(text, name);
}

}  // namespace streamdiffusion::config

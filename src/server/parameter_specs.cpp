// Each row says once what a parameter is called, what it may be, and where it goes.
#include "server/parameter_specs.h"

#include <algorithm>
#include <cmath>

#include "streamdiffusion/names.h"

namespace streamdiffusion::server {
namespace {

using json::Json;
using nlohmann::json;
using Change = ParameterTable::Change;
using View = ParameterTable::View;
using Spec = ParameterTable::Spec;

constexpr std::size_t kLongestPrompt = 2000, kMostPrompts = 8;
constexpr int kMostSteps = 8, kMostInferenceSteps = 50, kLeastSide = 32;

/// What stands in front of every row: its name, a title, one line of explanation.
struct Words {
  const char *name, *title, *help;
};

/// Without the digits that only the conversion from binary makes.
json shown(double value) {
  return std::round(value * 1e5) / 1e5;
}

Spec row(const Words& words, json type, const char* field,
         std::function<void(const Json&, Change&)> read, std::function<json(const View&)> write) {
  type["title"] = words.title;
  type["description"] = words.help;
  type["id"] = words.name;  // these two are what front ends of the legacy protocol read
  type["field"] = field;
  return {words.name, std::move(type), std::move(read), std::move(write)};
}

template <typename Set, typename Get>
Spec number(const Words& words, double low, double high, double step, Set set, Get get) {
  json type{{"type", "number"}, {"minimum", low}, {"maximum", high}, {"step", step}};
  return row(
      words, std::move(type), "range",
      [=](const Json& value, Change& change) {
        const double found = value.number();
        if (found < low || found > high) {
          value.refuse(base::concat("a number from ", low, " to ", high));
        }
        set(change, found);
      },
      get);
}

template <typename Set, typename Get>
Spec integer(const Words& words, std::int64_t low, std::int64_t high, std::int64_t step, Set set,
             Get get) {
  json type{{"type", "integer"}, {"minimum", low}, {"maximum", high}};
  if (step > 1) type["multipleOf"] = step;
  return row(
      words, std::move(type), high > 1000000 ? "seed" : "range",
      [=](const Json& value, Change& change) {
        const std::int64_t found = value.integer(low, high);
        if (found % step != 0) {
          value.refuse(base::concat("a multiple of ", step, " (the autoencoder's factor)"));
        }
        set(change, found);
      },
      get);
}

template <typename Set, typename Get>
Spec boolean(const Words& words, Set set, Get get) {
  return row(
      words, {{"type", "boolean"}}, "checkbox",
      [=](const Json& value, Change& change) { set(change, value.boolean()); }, get);
}

template <typename Choice, typename Set, typename Get>
Spec choice(const Words& words, const Names<Choice>& names, Set set, Get get) {
  std::vector<std::string> known;
  for (const auto& [name, value] : names) known.push_back(name);
  json type{{"type", "string"}, {"enum", known}, {"values", known}};
  return row(
      words, std::move(type), "select",
      [names, set](const Json& value, Change& change) {
        const auto chosen = choice_of(names, value.string());
        if (!chosen) value.refuse("one of " + listed(names));
        set(change, *chosen);
      },
      [names, get](const View& view) { return json(name_of(names, get(view))); });
}

const std::string& prompt_text(const Json& value) {
  const std::string& text = value.string();
  if (text.size() > kLongestPrompt) {
    value.refuse(base::concat("at most ", kLongestPrompt, " bytes"));
  }
  return text;
}

std::vector<WeightedPrompt> read_prompt_list(const Json& value) {
  const bool fits = value.is(Json::Kind::array) && value.size() > 0 && value.size() <= kMostPrompts;
  if (!fits) value.refuse(base::concat("a list of 1 to ", kMostPrompts, " pairs [text, weight]"));
  std::vector<WeightedPrompt> prompts;
  double sum = 0;
  for (std::size_t i = 0; i < value.size(); ++i) {
    const Json pair = value[i];
    if (!pair.is(Json::Kind::array) || pair.size() != 2) pair.refuse("a pair [text, weight]");
    const double weight = pair[1].number();
    if (weight < 0 || weight > 1000) pair[1].refuse("a weight from 0 to 1000");
    sum += weight;
    prompts.push_back({prompt_text(pair[0]), static_cast<float>(weight)});
  }
  if (sum <= 0) value.refuse("at least one weight above 0");
  return prompts;
}

std::vector<WeightedPrompt> prompts_of(const View& view) {
  const auto& given = view.given.live.prompts;
  return given.empty() ? std::vector<WeightedPrompt>{{view.info.sample_prompt, 1.0F}} : given;
}

void add_prompts(std::vector<Spec>& specs) {
  specs.push_back(row(
      {"prompt", "Prompt", "What the images should show"},
      {{"type", "string"}, {"maxLength", kLongestPrompt}}, "textarea",
      [](const Json& value, Change& change) {
        change.next.live.prompts = {{prompt_text(value), 1.0F}};
      },
      [](const View& view) { return json(prompts_of(view).front().text); }));
  specs.push_back(row(
      {"prompt_list", "Blend of prompts", "Several prompts and the weight of each"},
      {{"type", "array"},
       {"minItems", 1},
       {"maxItems", kMostPrompts},
       {"items",
        {{"type", "array"},
         {"prefixItems",
          json::array({{{"type", "string"}}, {{"type", "number"}, {"minimum", 0}}})}}}},
      "prompt_list",
      [](const Json& value, Change& change) { change.next.live.prompts = read_prompt_list(value); },
      [](const View& view) {
        json list = json::array();
        for (const WeightedPrompt& p : prompts_of(view)) {
          list.push_back(json::array({p.text, shown(p.weight)}));
        }
        return list;
      }));
  specs.push_back(choice(
      {"prompt_interpolation_method", "Blending", "Along a great circle, or a straight line"},
      kPromptInterpolations,
      [](Change& change, PromptInterpolation how) { change.next.live.interpolation = how; },
      [](const View& view) { return view.given.live.interpolation; }));
  specs.push_back(number(
      {"transition_ms", "Transition", "Milliseconds over which a change of prompts is blended in"},
      0, 60000, 100,
      [](Change& change, double v) { change.next.live.transition_seconds = v * 1e-3; },
      [](const View& view) { return json(view.given.live.transition_seconds * 1e3); }));
  specs.push_back(row(
      {"negative_prompt", "Negative prompt",
       "What they should not show (guidance full and initialize)"},
      {{"type", "string"}, {"maxLength", kLongestPrompt}}, "textarea",
      [](const Json& value, Change& change) {
        change.next.live.negative_prompt = prompt_text(value);
      },
      [](const View& view) {
        return json(view.given.live.negative_prompt.value_or(view.info.sample_negative_prompt));
      }));
}

void add_steps(std::vector<Spec>& specs) {
  specs.push_back(number(
      {"strength", "Strength", "0 follows the image, 1 the words; places the steps"}, 0, 1, 0.01,
      [](Change& change, double v) { change.strength = v; },
      [](const View& view) {
        const double last = std::max(*view.full.num_inference_steps - 1, 1);
        return shown(1.0 - view.full.t_index_list.front() / last);
      }));
  specs.push_back(integer(
      {"steps", "Steps", "Denoising steps of an image; more are slower and cleaner"}, 1, kMostSteps,
      1, [](Change& change, std::int64_t v) { change.steps = static_cast<int>(v); },
      [](const View& view) { return json(view.full.t_index_list.size()); }));
  specs.push_back(row(
      {"t_index_list", "Places of the steps",
       "Exact places in the schedule, ascending; overrides strength and steps"},
      {{"type", "array"},
       {"minItems", 1},
       {"maxItems", kMostSteps},
       {"items", {{"type", "integer"}, {"minimum", 0}, {"maximum", kMostInferenceSteps - 1}}}},
      "t_index_list",
      [](const Json& value, Change& change) {
        const auto found = value.integers(0, kMostInferenceSteps - 1);
        const bool ascending =
            std::adjacent_find(found.begin(), found.end(), std::greater_equal<>()) == found.end();
        if (found.empty() || found.size() > kMostSteps || !ascending) {
          value.refuse(base::concat("1 to ", kMostSteps, " ascending integers"));
        }
        change.next.live.options.t_index_list.assign(found.begin(), found.end());
        change.t_index_list = true;
      },
      [](const View& view) { return json(view.full.t_index_list); }));
  specs.push_back(integer(
      {"num_inference_steps", "Length of the schedule", "What the places of the steps refer to"}, 1,
      kMostInferenceSteps, 1,
      [](Change& change, std::int64_t v) {
        change.next.live.options.num_inference_steps = static_cast<int>(v);
      },
      [](const View& view) { return json(*view.full.num_inference_steps); }));
}

void add_guidance(std::vector<Spec>& specs) {
  specs.push_back(choice(
      {"cfg_type", "Guidance", "How the negative prompt acts: none, full, self or initialize"},
      kCfgTypes,
      [](Change& change, CfgType type) {
        change.next.live.options.cfg_type = type;
        change.cfg_type = true;
      },
      [](const View& view) { return *view.full.cfg_type; }));
  specs.push_back(number(
      {"guidance_scale", "Guidance scale", "Strength of the guidance; 1 or less for none"}, 0, 20,
      0.05,
      [](Change& change, double v) {
        change.next.live.options.guidance_scale = static_cast<float>(v);
      },
      [](const View& view) { return shown(*view.full.guidance_scale); }));
  specs.push_back(number(
      {"delta", "Delta", "Strength of the virtual negative noise (self, initialize)"}, 0, 10, 0.05,
      [](Change& change, double v) { change.next.live.options.delta = static_cast<float>(v); },
      [](const View& view) { return shown(*view.full.delta); }));
  specs.push_back(integer(
      {"seed", "Seed", "Of all noise; the same seed gives the same images"}, 0,
      (std::int64_t{1} << 53) - 1, 1,
      [](Change& change, std::int64_t v) {
        change.next.live.options.seed = static_cast<std::uint64_t>(v);
      },
      [](const View& view) { return json(view.full.seed); }));
  specs.push_back(boolean(
      {"do_add_noise", "Fresh noise", "Between the steps; without it smoother and less varied"},
      [](Change& change, bool v) { change.next.live.options.do_add_noise = v; },
      [](const View& view) { return json(view.full.do_add_noise); }));
}

void add_filter(std::vector<Spec>& specs) {
  specs.push_back(boolean(
      {"enable_similar_image_filter", "Skip similar frames",
       "A frame that resembles the last one gives its image again"},
      [](Change& change, bool v) { change.next.live.options.enable_similar_image_filter = v; },
      [](const View& view) { return json(view.full.enable_similar_image_filter); }));
  specs.push_back(number(
      {"similar_image_filter_threshold", "Likeness", "From which frames may be skipped"}, 0, 1,
      0.005,
      [](Change& change, double v) {
        change.next.live.options.similar_image_filter_threshold = static_cast<float>(v);
      },
      [](const View& view) { return shown(view.full.similar_image_filter_threshold); }));
  specs.push_back(integer(
      {"similar_image_filter_max_skip_frame", "Most skipped", "Frames skipped in a row"}, 0, 1000,
      1,
      [](Change& change, std::int64_t v) {
        change.next.live.options.similar_image_filter_max_skip_frame = static_cast<int>(v);
      },
      [](const View& view) { return json(view.full.similar_image_filter_max_skip_frame); }));
}

void add_image(std::vector<Spec>& specs, const ServedModel& info, const Limits& limits) {
  const int factor = info.factor, most = limits.side / factor * factor;
  specs.push_back(integer(
      {"width", "Width", "Of the images, pixels"}, kLeastSide, most, factor,
      [](Change& change, std::int64_t v) { change.next.live.options.width = static_cast<int>(v); },
      [](const View& view) { return json(*view.full.width); }));
  specs.push_back(integer(
      {"height", "Height", "Of the images, pixels"}, kLeastSide, most, factor,
      [](Change& change, std::int64_t v) { change.next.live.options.height = static_cast<int>(v); },
      [](const View& view) { return json(*view.full.height); }));
  specs.push_back(choice(
      {"fit", "Fit", "Images of another size: fill it, show everything, or stretch"}, kFits,
      [](Change& change, Fit fit) { change.next.live.fit = fit; },
      [](const View& view) { return view.given.live.fit; }));
  specs.push_back(choice(
      {"model", "Model", "What draws"}, Names<std::string>{{info.model, info.model}},
      [](Change& change, const std::string& name) { change.next.model = name; },
      [](const View& view) { return view.given.model; }));
  specs.push_back(integer(
      {"jpeg_quality", "JPEG quality", "Of the images sent back"}, 1, 100, 1,
      [](Change& change, std::int64_t v) { change.next.jpeg_quality = static_cast<int>(v); },
      [](const View& view) { return json(view.given.jpeg_quality); }));
}

}  // namespace

std::vector<Spec> make_specs(const ServedModel& info, const Limits& limits) {
  std::vector<Spec> specs;
  specs.push_back(choice(
      {"mode", "Mode", "Images from images, or from words alone"},
      Names<bool>{{"img2img", false}, {"txt2img", true}},
      [](Change& change, bool from_words) {
        change.next.live.options.text_to_image = from_words;
        change.mode = true;
      },
      [](const View& view) { return view.full.text_to_image; }));
  add_prompts(specs);
  add_steps(specs);
  add_guidance(specs);
  add_filter(specs);
  add_image(specs, info, limits);
  return specs;
}

}  // namespace streamdiffusion::server

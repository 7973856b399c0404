#include "server/parameters.h"

#include <algorithm>
#include <cmath>

#include "base/edit_distance.h"
#include "base/error.h"
#include "json/quote.h"
#include "params/read_json.h"
#include "params/seed.h"
#include "params/without_effect.h"
#include "schedule/timesteps.h"
#include "server/parameter_specs.h"
#include "server/work_limit.h"

namespace streamdiffusion::server {

using json::Json;
using json::JsonLimits;
using json::printable;
using json::quote;
using nlohmann::json;

namespace {

constexpr JsonLimits kClientJson{.bytes = std::size_t{1} << 26U, .values = 4096, .depth = 8};
/// Proxies take headers of a few KiB.
constexpr std::size_t kMaximumHeaderWarnings = 8;

params::Settings settings_of(const Parameters& parameters) {
  return {.engine = {.model = parameters.model},
          .live = parameters.live,
          .jpeg_quality = parameters.jpeg_quality};
}

void require_inside(const std::vector<int>& t_index_list, int length) {
  if (t_index_list.back() < length) return;
  throw HttpError(400, "bad_request",
                  base::concat("t_index_list has ", t_index_list.back(),
                               ", expected indices below ", length, " (num_inference_steps)"),
                  "t_index_list");
}

/// A t_index_list says exactly what strength and steps say roughly.
std::vector<std::string> overridden(const std::set<std::string_view>& given) {
  std::vector<std::string> names;
  for (const char* name : {"strength", "steps"}) {
    if (given.contains("t_index_list") && given.contains(name)) names.emplace_back(name);
  }
  return names;
}

/// Of a query, where a value must not end before it seems to.
void require_one_value(const std::string& name, const std::string& value) {
  const bool spaced =
      value.find_first_of(" \t\r\n") == 0 ||
      (!value.empty() && std::string_view(" \t\r\n").find(value.back()) != std::string_view::npos);
  if (value.empty() || spaced) {
    throw HttpError(400, "bad_request", name + " is " + quote(value) + ", expected a value", name);
  }
  parse_client_json(value, name);
}

/// Of those that were given, the one that most likely made the work too much.
const char* heaviest(const std::set<std::string_view>& given) {
  for (const char* name : {"width", "height", "steps", "t_index_list", "cfg_type"}) {
    if (given.contains(name)) return name;
  }
  return "";
}

bool is_string(const params::Parameter& row) {
  return std::holds_alternative<params::Text>(row.type) ||
         std::holds_alternative<params::Choice>(row.type);
}

}  // namespace

Json parse_client_json(std::string_view text, const std::string& name) {
  try {
    return Json::parse(text, name, kClientJson);
  } catch (const Error& error) {
    throw HttpError(400, "bad_request", error.what());
  }
}

ParameterTable::ParameterTable(const StreamFactory& factory, const Limits& limits)
    : factory_(factory),
      rows_(offered_parameters(factory.info(), limits)),
      work_limit_(std::max(limits.work,
                           work_of(factory.with_defaults(factory.initial_settings().options)))) {}

Parameters ParameterTable::defaults() const {
  return {.live = factory_.initial_settings(), .model = factory_.info().model};
}

std::string ParameterTable::suggestion(std::string_view name) const {
  std::vector<std::string_view> names;
  for (const params::Parameter& row : rows_) names.emplace_back(row.name);
  const std::string nearest = base::nearest_word(name, names);
  return nearest.empty() ? "; GET /api/settings has all"
                         : base::concat("; did you mean ", quote(nearest), "?");
}

const params::Parameter* ParameterTable::find(std::string_view name) const {
  const auto row = std::ranges::find_if(
      rows_, [name](const params::Parameter& candidate) { return candidate.name == name; });
  return row == rows_.end() ? nullptr : &*row;
}

json ParameterTable::schema() const {
  const json defaults = write(this->defaults());
  json properties = json::object();
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    properties[rows_[i].name] = schema_of(rows_[i], i);
    properties[rows_[i].name]["default"] = defaults.at(rows_[i].name);
    if (rows_[i].name == std::string_view("lora_scales")) {
      properties[rows_[i].name]["labels"] = factory_.info().loras;
    }
  }
  return {{"$schema", "https://json-schema.org/draft/2020-12/schema"},
          {"title", "Parameters"},
          {"type", "object"},
          {"properties", properties},
          {"additionalProperties", false}};
}

Parameters ParameterTable::apply(const Json& object, const Parameters& now) const {
  std::string name;
  try {
    if (!object.is(Json::Kind::object)) object.refuse("an object of parameters");
    if (object.has("prompt") && object.has("prompt_list")) {
      throw HttpError(400, "bad_request",
                      "prompt and prompt_list say the same, expected one of them", "prompt");
    }
    params::Settings wanted = settings_of(now);
    std::set<std::string_view> given;
    for (std::size_t i = 0; i < object.size(); ++i) {
      const auto [key, value] = object.member(i);
      name = key;
      const params::Parameter* row = find(key);
      if (row == nullptr) {
        throw HttpError(400, "unknown_parameter",
                        base::concat("there is no parameter ", quote(key), suggestion(key)),
                        printable(key, 64));
      }
      params::read_json(*row, value, wanted);
      given.insert(row->name);
    }
    name.clear();
    settle(wanted, given, now);
    wanted.live.options.seed = params::resolved_seed(wanted.live.options.seed);
    const SessionOptions full = factory_.with_defaults(wanted.live.options);
    check_work(full, work_limit_, factory_.info().factor, heaviest(given));
    Parameters next{std::move(wanted.live), std::move(wanted.engine.model), wanted.jpeg_quality,
                    now.given, overridden(given)};
    next.given.insert(given.begin(), given.end());
    return next;
  } catch (const Error& error) {
    throw HttpError(400, "bad_request", error.what(), name);
  }
}

// Strength, steps and t_index_list say the same thing in different words, and so do timesteps and
// their spacing and number. A mode has a guidance and a t_index_list of its own.
void ParameterTable::settle(params::Settings& wanted, const std::set<std::string_view>& given,
                            const Parameters& now) const {
  SessionOptions& options = wanted.live.options;
  const bool list_given = given.contains("t_index_list");
  if (given.contains("timesteps")) {
    if (!list_given) options.t_index_list.clear();
  } else if (given.contains("timestep_spacing") || given.contains("num_inference_steps")) {
    options.timesteps.clear();
  }
  const bool new_mode = options.text_to_image != now.live.options.text_to_image;
  if (new_mode && !list_given) options.t_index_list.clear();
  if (options.text_to_image && options.cfg_type && is_residual(*options.cfg_type)) {
    if (given.contains("cfg_type")) {
      throw HttpError(400, "bad_request",
                      "cfg_type self and initialize need an input image, expected none or full in "
                      "mode txt2img",
                      "cfg_type");
    }
    options.cfg_type = CfgType::none;
  }
  const SessionOptions full = factory_.with_defaults(options);
  const int length = *full.num_inference_steps;
  if (list_given) return require_inside(options.t_index_list, length);
  const int count = wanted.steps.value_or(static_cast<int>(full.t_index_list.size()));
  if (count > length) {
    throw HttpError(
        400, "bad_request",
        base::concat("steps is ", count, ", expected at most ", length, " (num_inference_steps)"),
        "steps");
  }
  const bool as_many = count == static_cast<int>(full.t_index_list.size());
  const bool fits = full.t_index_list.back() < length;
  if (wanted.strength && !options.text_to_image) {
    const std::vector<int> list = schedule::t_index_list_for(*wanted.strength, count, length);
    // The strength that is shown belongs to the first index; given back, it changes nothing.
    const double first = (length - 1) * (1 - *wanted.strength);
    const bool same = fits && as_many && std::abs(first - full.t_index_list.front()) < 0.01;
    if (!same) options.t_index_list = list;
  } else if (!as_many || !fits) {
    const SessionOptions before = factory_.with_defaults(now.live.options);
    const double share =
        double(full.t_index_list.front()) / std::max(*before.num_inference_steps, 1);
    const int first = fits ? full.t_index_list.front() : static_cast<int>(share * length);
    options.t_index_list = schedule::t_index_list_from(first, count, length);
  }
}

Parameters ParameterTable::apply(const std::map<std::string, std::string>& query,
                                 const std::vector<std::string>& ignored,
                                 const Parameters& now) const {
  std::string text = "{";
  for (const auto& [name, value] : query) {
    if (std::find(ignored.begin(), ignored.end(), name) != ignored.end()) continue;
    const params::Parameter* row = find(name);
    const bool raw = row != nullptr && !is_string(*row);
    if (raw) require_one_value(name, value);
    if (text.size() > 1) text += ",";
    text += json(name).dump() + ":" + (raw ? value : json(value).dump());
  }
  return apply(parse_client_json(text + "}", "query"), now);
}

json ParameterTable::write(const Parameters& parameters) const {
  params::Settings settings = settings_of(parameters);
  LiveSettings& live = settings.live;
  live.options = factory_.with_defaults(live.options);
  if (live.prompts.empty()) live.prompts = {{factory_.info().sample_prompt, 1.0F}};
  if (!live.negative_prompt) live.negative_prompt = factory_.info().sample_negative_prompt;
  const std::vector<int>& list = live.options.t_index_list;
  settings.steps = static_cast<int>(list.size());
  settings.strength =
      1.0 - double(list.front()) / std::max(*live.options.num_inference_steps - 1, 1);
  json out = json::object();
  for (const params::Parameter& row : rows_) out[row.name] = value_of(row, settings);
  return out;
}

json ParameterTable::warnings(const Parameters& parameters) const {
  json list = json::array();
  const auto& given = parameters.live.prompts;
  for (const WeightedPrompt& prompt : given) {
    for (const UnknownWord& w : unknown_words(factory_.info().words, prompt.text)) {
      list.push_back({{"message", w.message}, {"word", w.word}, {"near", w.near}});
    }
  }
  const auto add = [&list](const std::string& message, const std::string& param) {
    list.push_back({{"message", message}, {"param", param}});
  };
  for (const WeightedPrompt& prompt : given) {
    for (const std::string& message : factory_.prompt_warnings(prompt.text)) add(message, "prompt");
  }
  if (parameters.live.negative_prompt) {
    for (const std::string& message : factory_.prompt_warnings(*parameters.live.negative_prompt)) {
      add(message, "negative_prompt");
    }
  }
  params::Settings settings = settings_of(parameters);
  settings.given = parameters.given;
  const SessionOptions full = factory_.with_defaults(parameters.live.options);
  for (const auto& idle :
       params::without_effect(settings, full, params::key_of, factory_.info().traits)) {
    add(idle.message, idle.parameter->name);
  }
  for (const std::string& name : parameters.ignored) {
    add(name + " has no effect beside t_index_list, which sets the steps exactly", name);
  }
  return list;
}

std::vector<std::pair<std::string, std::string>> ParameterTable::image_header(
    const Parameters& parameters) const {
  std::vector<std::pair<std::string, std::string>> header{
      {"X-Seed", std::to_string(parameters.live.options.seed)}};
  json messages = json::array();
  for (const json& warning : warnings(parameters)) {
    if (messages.size() < kMaximumHeaderWarnings) messages.push_back(warning.at("message"));
  }
  if (!messages.empty()) {
    header.emplace_back("X-Warnings", messages.dump(-1, ' ', true, json::error_handler_t::replace));
  }
  return header;
}

}  // namespace streamdiffusion::server

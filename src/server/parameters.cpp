#include "server/parameters.h"

#include <algorithm>
#include <cmath>

#include "json/quote.h"
#include "server/parameter_specs.h"

namespace streamdiffusion::server {

using json::Json;
using json::JsonLimits;
using json::printable;
using json::quote;
using nlohmann::json;

namespace {

constexpr JsonLimits kClientJson{.bytes = std::size_t{1} << 26U, .values = 4096, .depth = 8};

}  // namespace

Json parse_client_json(std::string_view text, const std::string& name) {
  try {
    return Json::parse(text, name, kClientJson);
  } catch (const Error& error) {
    throw HttpError(400, "bad_request", error.what());
  }
}

std::vector<int> spread_steps(int first, int count, int length) {
  first = std::clamp(first, 0, std::max(length - count, 0));
  std::vector<int> places;
  for (int i = 0; i < count; ++i) places.push_back(first + i * (length - first) / count);
  return places;
}

ParameterTable::ParameterTable(const StreamFactory& factory, const Limits& limits)
    : factory_(factory), specs_(make_specs(factory.info(), limits)) {}

Parameters ParameterTable::defaults() const {
  return {.live = factory_.initial_settings(), .model = factory_.info().model};
}

const ParameterTable::Spec* ParameterTable::find(std::string_view name) const {
  const auto it = std::find_if(specs_.begin(), specs_.end(),
                               [name](const Spec& spec) { return spec.name == name; });
  return it == specs_.end() ? nullptr : &*it;
}

json ParameterTable::schema() const {
  const json defaults = write(this->defaults());
  json properties = json::object();
  for (const Spec& spec : specs_) {
    properties[spec.name] = spec.schema;
    properties[spec.name]["default"] = defaults.at(spec.name);
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
    Change change{.next = now};
    for (std::size_t i = 0; i < object.size(); ++i) {
      const auto [key, value] = object.member(i);
      name = key;
      const Spec* spec = find(key);
      if (spec == nullptr) {
        throw HttpError(400, "unknown_parameter",
                        "there is no parameter " + quote(key) + "; GET /api/settings has all",
                        printable(key, 64));
      }
      spec->read(value, change);
    }
    name.clear();
    settle(change, now);
    return std::move(change.next);
  } catch (const Error& error) {
    throw HttpError(400, "bad_request", error.what(), name);
  }
}

// Strength, steps and places say the same thing in different words, and a mode has a guidance and
// places of its own.
void ParameterTable::settle(Change& change, const Parameters& now) const {
  SessionOptions& options = change.next.live.options;
  const bool new_mode = change.mode && options.text_to_image != now.live.options.text_to_image;
  if (new_mode && !change.t_index_list) options.t_index_list.clear();
  if (options.text_to_image && options.cfg_type && is_residual(*options.cfg_type)) {
    if (change.cfg_type) {
      throw HttpError(400, "bad_request",
                      "cfg_type self and initialize need an input image, expected none or full in "
                      "mode txt2img",
                      "cfg_type");
    }
    options.cfg_type = CfgType::none;
  }
  const SessionOptions full = factory_.with_defaults(options);
  const int length = *full.num_inference_steps;
  if (change.t_index_list) {
    if (options.t_index_list.back() >= length) {
      throw HttpError(400, "bad_request",
                      base::concat("t_index_list has ", options.t_index_list.back(),
                                   ", expected places below ", length, " (num_inference_steps)"),
                      "t_index_list");
    }
    return;
  }
  const int count = change.steps.value_or(static_cast<int>(full.t_index_list.size()));
  if (count > length) {
    throw HttpError(
        400, "bad_request",
        base::concat("steps is ", count, ", expected at most ", length, " (num_inference_steps)"),
        "steps");
  }
  const bool as_many = count == static_cast<int>(full.t_index_list.size());
  const bool fits = full.t_index_list.back() < length;
  if (change.strength) {
    // A strength that was shown is rounded; given back it changes nothing.
    const double place = (length - 1) * (1.0 - *change.strength);
    const bool same = fits && as_many && std::abs(place - full.t_index_list.front()) < 0.01;
    const int first = static_cast<int>(std::floor(place + 0.01));
    if (!same) options.t_index_list = spread_steps(first, count, length);
  } else if (!as_many || !fits) {
    const SessionOptions before = factory_.with_defaults(now.live.options);
    const double share =
        double(full.t_index_list.front()) / std::max(*before.num_inference_steps, 1);
    const int first = fits ? full.t_index_list.front() : static_cast<int>(share * length);
    options.t_index_list = spread_steps(first, count, length);
  }
}

Parameters ParameterTable::apply(const std::map<std::string, std::string>& query,
                                 const std::vector<std::string>& ignored,
                                 const Parameters& now) const {
  std::string text = "{";
  for (const auto& [name, value] : query) {
    if (std::find(ignored.begin(), ignored.end(), name) != ignored.end()) continue;
    const Spec* spec = find(name);
    const bool raw = spec != nullptr && spec->schema.at("type") != "string";
    if (text.size() > 1) text += ",";
    text += json(name).dump() + ":" + (raw ? value : json(value).dump());
  }
  return apply(parse_client_json(text + "}", "query"), now);
}

json ParameterTable::write(const Parameters& parameters) const {
  const View view{parameters, factory_.with_defaults(parameters.live.options), factory_.info()};
  json out = json::object();
  for (const Spec& spec : specs_) out[spec.name] = spec.write(view);
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
  return list;
}

}  // namespace streamdiffusion::server

#include "server/parameters.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "json/quote.h"
#include "params/empty_note.h"
#include "server/offered_parameters.h"
#include "server/work_limit.h"
#include "settings/json_schema.h"
#include "settings/set.h"

namespace streamdiffusion::server {

using json::Json;
using json::JsonLimits;
using json::printable;
using json::quote;
using JsonValue = nlohmann::json;

namespace {

constexpr JsonLimits kClientJson{
    .bytes = std::size_t{1} << 26U, .values = 4096, .depth = 8, .null_is_absent = false};
constexpr const char* kSeeSettings = " (GET /api/settings has all)";
/// Proxies take headers of a few KiB.
constexpr std::size_t kMaxHeaderWarnings = 8;

params::Settings settings_of(const Parameters& parameters) {
  return {.engine = {.model = parameters.model},
          .live = parameters.live,
          .jpeg_quality = parameters.jpeg_quality};
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
  for (const char* name :
       {"width", "height", "steps", "t_index_list", "cfg_type", "control_settings", "image_prompts",
        "use_cached_attn", "cache_maxframes"}) {
    if (given.contains(name)) return name;
  }
  return "";
}

/// The texts of a client name no file of this machine.
void read_style_images(ImagePrompt& prompt, const ReadStyleImage& read,
                       std::vector<std::string>& warnings) {
  for (const std::string& text : std::exchange(prompt.files, {})) {
    if (!read) {
      throw HttpError(400, "bad_request",
                      "image_prompts has a style_image, which is taken in the body of a request "
                      "for one image only; a session's is sent by PUT /api/style_image/{id}",
                      "image_prompts");
    }
    prompt.images.push_back(read(text, warnings));
  }
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

ParameterTable::ParameterTable(const StreamFactory& factory, const Limits& limits,
                               const std::vector<std::string>& models)
    : factory_(factory),
      rows_(offered_parameters(
          factory.info(), limits,
          models.empty() ? std::vector<std::string>{factory.info().model} : models)),
      work_limit_(
          std::max(limits.work, work_of(factory.with_defaults(factory.initial_settings().options),
                                        factory.info().work))) {}

Parameters ParameterTable::defaults() const {
  return {.live = factory_.initial_settings(), .model = factory_.info().model};
}

Parameters ParameterTable::carried_over(const Parameters& other) const {
  Parameters next = defaults();
  const LiveSettings& from = other.live;
  LiveSettings& to = next.live;
  to.prompts = from.prompts;
  to.negative_prompt = from.negative_prompt;
  to.interpolation = from.interpolation;
  to.transition_seconds = from.transition_seconds;
  to.fit = from.fit;
  to.options.seed = from.options.seed;
  to.options.text_to_image = from.options.text_to_image;
  if (to.options.text_to_image) to.options.t_index_list.clear();
  next.jpeg_quality = other.jpeg_quality;
  return next;
}

const params::Parameter* ParameterTable::find(std::string_view name) const {
  const auto row = std::ranges::find_if(
      rows_, [name](const params::Parameter& candidate) { return candidate.name == name; });
  return row == rows_.end() ? nullptr : &*row;
}

JsonValue ParameterTable::schema() const {
  JsonValue schema = settings::schema_of(rows_, write(this->defaults()));
  JsonValue& properties = schema["properties"];
  if (properties.contains("lora_scales"))
    properties["lora_scales"]["labels"] = factory_.info().loras;
  if (properties.contains("control_settings"))
    properties["control_settings"]["labels"] = factory_.info().controlnets;
  if (properties.contains("image_prompts"))
    properties["image_prompts"]["labels"] = factory_.info().ip_adapters;
  return schema;
}

Parameters ParameterTable::apply(const Json& object, const Parameters& now,
                                 const ReadStyleImage& read_style_image) const {
  try {
    auto [wanted, named] = settings::set(
        object, rows_,
        [this](const SessionOptions& options) { return factory_.with_defaults(options); },
        settings_of(now));
    if (wanted.engine.model != factory_.info().model) {
      throw HttpError(400, "bad_request",
                      base::concat("model is ", quote(wanted.engine.model), ", expected ",
                                   quote(factory_.info().model),
                                   "; a session of the WebSocket can change its model"),
                      "model");
    }
    std::vector<std::string> damaged;
    for (ImagePrompt& prompt : wanted.live.options.image_prompts) {
      read_style_images(prompt, read_style_image, damaged);
    }
    server::check_work(factory_.with_defaults(wanted.live.options), factory_.info(), work_limit_,
                       heaviest(named));
    Parameters next{wanted.live, wanted.engine.model, wanted.jpeg_quality, now.given,
                    overridden(named)};
    next.given.insert(named.begin(), named.end());
    for (const std::string& message : damaged)
      next.image_warnings.push_back({"image_prompts", message});
    return next;
  } catch (const settings::ParameterError& error) {
    throw HttpError(400, error.unknown() ? "unknown_parameter" : "bad_request",
                    error.unknown() ? std::string(error.what()) + kSeeSettings : error.what(),
                    printable(error.parameter(), 64));
  }
}

void ParameterTable::check_work(const Parameters& parameters) const {
  server::check_work(factory_.with_defaults(parameters.live.options), factory_.info(), work_limit_,
                     "image_prompts");
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
    text += JsonValue(name).dump() + ":" + (raw ? value : JsonValue(value).dump());
  }
  return apply(parse_client_json(text + "}", "query"), now);
}

JsonValue ParameterTable::write(const Parameters& parameters) const {
  params::Settings settings = settings_of(parameters);
  LiveSettings& live = settings.live;
  live.options = factory_.with_defaults(live.options);
  if (live.prompts.empty()) live.prompts = {{factory_.info().sample_prompt, 1.0F}};
  if (!live.negative_prompt) live.negative_prompt = factory_.info().sample_negative_prompt;
  settings::show_steps(settings);
  return settings::values_of(rows_, settings);
}

JsonValue ParameterTable::warnings(const Parameters& parameters,
                                   const params::ImageTraits& images) const {
  JsonValue list = JsonValue::array();
  const auto add = [&list](const std::string& message, const std::string& param) {
    list.push_back({{"message", message}, {"param", param}});
  };
  for (const ImageWarning& warning : parameters.image_warnings) add(warning.message, warning.param);
  const auto& given = parameters.live.prompts;
  for (const WeightedPrompt& prompt : given) {
    for (const UnknownWord& w : unknown_words(factory_.info().words, prompt.text)) {
      list.push_back({{"message", w.message}, {"word", w.word}, {"near", w.near}});
    }
  }
  for (const WeightedPrompt& prompt : given) {
    for (const std::string& message : factory_.prompt_warnings(prompt.text)) add(message, "prompt");
    if (const auto note = params::empty_note(prompt.text); !note.empty()) add(note, "prompt");
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
       params::without_effect(settings, full, params::key_of, factory_.info().traits, images)) {
    add(idle.message, idle.parameter->name);
  }
  for (const std::string& name : parameters.ignored) {
    add(name + " has no effect beside t_index_list, which sets the steps exactly", name);
  }
  return list;
}

std::vector<std::pair<std::string, std::string>> ParameterTable::image_header(
    const Parameters& parameters, bool lossless) const {
  std::vector<std::pair<std::string, std::string>> header{
      {"X-Seed", std::to_string(parameters.live.options.seed)}};
  JsonValue messages = JsonValue::array();
  const JsonValue all = warnings(parameters, {.single = true, .lossless = lossless});
  for (const JsonValue& warning : all) {
    if (messages.size() < kMaxHeaderWarnings) messages.push_back(warning.at("message"));
  }
  const std::size_t more = all.size() - messages.size();
  if (more > 0) messages.push_back(base::concat("and ", more, " more"));
  if (!messages.empty()) {
    header.emplace_back("X-Warnings",
                        messages.dump(-1, ' ', true, JsonValue::error_handler_t::replace));
  }
  return header;
}

}  // namespace streamdiffusion::server

#include "settings/json_schema.h"

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "params/control.h"
#include "params/image_prompt.h"
#include "params/limits.h"

namespace streamdiffusion::settings {
namespace {

using JsonValue = nlohmann::json;

/// Established front ends draw a slider up to here, and a field of its own for a larger seed.
constexpr std::int64_t kLongestSlider = 1000000;

/// Of the settings of a ControlNet, or of an IP-Adapter.
JsonValue properties_of(const std::vector<params::Parameter>& rows) {
  const params::Settings defaults;
  JsonValue properties = JsonValue::object();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    properties[rows[i].name] = schema_of(rows[i], i);
    properties[rows[i].name]["default"] = values_of(rows, defaults)[rows[i].name];
  }
  return properties;
}

/// A list of such settings, one for each network.
JsonValue list_of(const JsonValue& properties, std::size_t maximum_items, const char* field) {
  return {
      {"type", "array"},
      {"minItems", 1},
      {"maxItems", maximum_items},
      {"items", {{"type", "object"}, {"properties", properties}, {"additionalProperties", false}}},
      {"field", field}};
}

struct Schema {
  JsonValue operator()(const params::Integer& t) const {
    JsonValue schema{{"type", "integer"},
                     {"minimum", t.minimum},
                     {"maximum", t.maximum},
                     {"field", t.maximum > kLongestSlider ? "seed" : "range"}};
    if (t.multiple > 1) schema["multipleOf"] = t.multiple;
    return schema;
  }
  JsonValue operator()(const params::Number& t) const {
    return {{"type", "number"},
            {"minimum", t.minimum},
            {"maximum", t.maximum},
            {"step", t.step},
            {"field", "range"}};
  }
  JsonValue operator()(const params::Boolean&) const {
    return {{"type", "boolean"}, {"field", "checkbox"}};
  }
  JsonValue operator()(const params::Choice& t) const {
    return {{"type", "string"}, {"enum", t.words}, {"values", t.words}, {"field", "select"}};
  }
  JsonValue operator()(const params::Text& t) const {
    return {{"type", "string"}, {"maxLength", t.maximum_bytes}, {"field", "textarea"}};
  }
  JsonValue operator()(const params::IntegerList& t) const {
    return {{"type", "array"},
            {"minItems", t.may_be_unset ? 0 : 1},
            {"maxItems", t.maximum_items},
            {"items", {{"type", "integer"}, {"minimum", t.minimum}, {"maximum", t.maximum}}},
            {"field", t.descending ? "timesteps" : "t_index_list"}};
  }
  JsonValue operator()(const params::LoraList&) const { return {{"type", "object"}}; }
  JsonValue operator()(const params::NumberList& t) const {
    return {{"type", "array"},
            {"minItems", 1},
            {"maxItems", t.maximum_items},
            {"items", {{"type", "number"}, {"minimum", t.minimum}, {"maximum", t.maximum}}},
            {"step", t.step},
            {"field", "number_list"}};
  }
  JsonValue operator()(const params::SeedList& t) const {
    const JsonValue seed{{"type", "integer"}, {"minimum", 0}, {"maximum", t.maximum_seed}};
    const JsonValue weight{{"type", "number"}, {"minimum", 0}, {"maximum", t.maximum_weight}};
    return {{"type", "array"},
            {"minItems", 0},
            {"maxItems", t.maximum_items},
            {"items", {{"type", "array"}, {"prefixItems", JsonValue::array({seed, weight})}}},
            {"field", "seed_list"}};
  }
  JsonValue operator()(const params::ControlNetList&) const { return {{"type", "array"}}; }
  JsonValue operator()(const params::ControlSettingsList& t) const {
    JsonValue properties = properties_of(params::control_parameters());
    properties[params::kPreprocessorParams] = {
        {"type", "object"},
        {"properties", properties_of(params::preprocessor_parameters())},
        {"additionalProperties", false}};
    return list_of(properties, t.maximum_items, "control_settings");
  }
  JsonValue operator()(const params::IpAdapterList&) const { return {{"type", "array"}}; }
  JsonValue operator()(const params::ImagePromptList& t) const {
    const JsonValue text{{"type", "string"}, {"minLength", 1}};
    JsonValue properties = properties_of(params::image_prompt_parameters(t));
    properties[params::kStyleImage] = {
        {"anyOf", JsonValue::array({text, {{"type", "array"}, {"items", text}}})}};
    properties[params::kImages] = {
        {"type", "integer"}, {"minimum", 0}, {"maximum", params::kMaxImagePromptImages}};
    return list_of(properties, t.maximum_items, "image_prompts");
  }
  JsonValue operator()(const params::PromptList& t) const {
    const JsonValue text{{"type", "string"}, {"maxLength", t.maximum_bytes}};
    const JsonValue weight{{"type", "number"}, {"minimum", 0}, {"maximum", t.maximum_weight}};
    return {{"type", "array"},
            {"minItems", 1},
            {"maxItems", t.maximum_items},
            {"items", {{"type", "array"}, {"prefixItems", JsonValue::array({text, weight})}}},
            {"field", "prompt_list"}};
  }
};

JsonValue control_to_json(const ControlSettings& control) {
  const params::Settings settings{.control = control};
  JsonValue object = values_of(params::control_parameters(), settings);
  object[params::kPreprocessorParams] = values_of(params::preprocessor_parameters(), settings);
  return object;
}

JsonValue to_json(const auto& value) {
  return value;
}
/// Without the digits that only the conversion from binary makes.
JsonValue to_json(double value) {
  return std::round(value * 1e5) / 1e5;
}
JsonValue to_json(const std::vector<float>& numbers) {
  JsonValue list = JsonValue::array();
  for (const float number : numbers) list.push_back(to_json(double{number}));
  return list;
}
JsonValue to_json(const std::vector<Lora>& loras) {
  JsonValue object = JsonValue::object();
  for (const Lora& lora : loras) object[lora.file] = to_json(double{lora.scale});
  return object;
}
JsonValue to_json(const std::vector<WeightedSeed>& seeds) {
  JsonValue list = JsonValue::array();
  for (const WeightedSeed& each : seeds)
    list.push_back(JsonValue::array({each.seed, to_json(double{each.weight})}));
  return list;
}
JsonValue to_json(const std::vector<WeightedPrompt>& prompts) {
  JsonValue list = JsonValue::array();
  for (const WeightedPrompt& prompt : prompts) {
    list.push_back(JsonValue::array({prompt.text, to_json(double{prompt.weight})}));
  }
  return list;
}

JsonValue to_json(const std::vector<ControlSettings>& settings) {
  JsonValue list = JsonValue::array();
  for (const ControlSettings& each : settings) list.push_back(control_to_json(each));
  return list;
}
JsonValue to_json(const std::vector<ControlNet>& nets) {
  JsonValue list = JsonValue::array();
  for (const ControlNet& net : nets) {
    list.push_back(control_to_json(net.settings));
    list.back()["model_id"] = net.model;
  }
  return list;
}

/// An image is shown by its number alone.
JsonValue image_prompt_to_json(const ImagePrompt& prompt) {
  JsonValue object = values_of(params::image_prompt_parameters(), {.image_prompt = prompt});
  object[params::kImages] = prompt.images.size();
  return object;
}

JsonValue to_json(const std::vector<ImagePrompt>& prompts) {
  JsonValue list = JsonValue::array();
  for (const ImagePrompt& each : prompts) list.push_back(image_prompt_to_json(each));
  return list;
}
JsonValue to_json(const std::vector<IpAdapter>& adapters) {
  JsonValue list = JsonValue::array();
  for (const IpAdapter& adapter : adapters) {
    list.push_back(image_prompt_to_json(adapter.prompt));
    list.back()[params::kAdapterPath] = adapter.file;
    list.back()[params::kEncoderPath] = adapter.image_encoder;
  }
  return list;
}

JsonValue value_of(const params::Parameter& row, const params::Settings& settings) {
  return std::visit(
      [&](const auto& type) {
        const auto value = type.member.get(settings);
        using Type = std::remove_cvref_t<decltype(type)>;
        if constexpr (std::is_same_v<Type, params::IntegerList>) {
          if (!value && type.may_be_unset) return JsonValue::array();
        }
        if (std::is_same_v<Type, params::SeedList> && !value) return JsonValue::array();
        return value ? to_json(*value) : JsonValue();
      },
      row.type);
}

}  // namespace

JsonValue schema_of(const params::Parameter& row, std::size_t order) {
  JsonValue schema = std::visit(Schema{}, row.type);
  schema["id"] = row.name;
  schema["title"] = row.title;
  schema["description"] = row.help;
  schema["group"] = params::to_string(row.group);
  schema["order"] = order;
  schema["needsSession"] = row.change == params::Change::session;
  if (row.in.slider_maximum) schema["sliderMaximum"] = *row.in.slider_maximum;
  return schema;
}

JsonValue schema_of(std::span<const params::Parameter> rows, const JsonValue& defaults) {
  JsonValue properties = JsonValue::object();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    properties[rows[i].name] = schema_of(rows[i], i);
    properties[rows[i].name]["default"] = defaults.at(rows[i].name);
  }
  return {{"$schema", "https://json-schema.org/draft/2020-12/schema"},
          {"title", "Parameters"},
          {"type", "object"},
          {"properties", properties},
          {"additionalProperties", false}};
}

JsonValue values_of(std::span<const params::Parameter> rows, const params::Settings& settings) {
  JsonValue out = JsonValue::object();
  for (const params::Parameter& row : rows) out[row.name] = value_of(row, settings);
  return out;
}

}  // namespace streamdiffusion::settings

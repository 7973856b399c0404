#include "settings/json_schema.h"

#include <algorithm>
#include <cmath>
#include <type_traits>

namespace streamdiffusion::settings {
namespace {

using nlohmann::json;

/// Established front ends draw a slider up to here, and a field of its own for a larger seed.
constexpr std::int64_t kLongestSlider = 1000000;

struct Schema {
  json operator()(const params::Integer& t) const {
    json schema{{"type", "integer"},
                {"minimum", t.minimum},
                {"maximum", t.maximum},
                {"field", t.maximum > kLongestSlider ? "seed" : "range"}};
    if (t.multiple > 1) schema["multipleOf"] = t.multiple;
    return schema;
  }
  json operator()(const params::Number& t) const {
    return {{"type", "number"},
            {"minimum", t.minimum},
            {"maximum", t.maximum},
            {"step", t.step},
            {"field", "range"}};
  }
  json operator()(const params::Boolean&) const {
    return {{"type", "boolean"}, {"field", "checkbox"}};
  }
  json operator()(const params::Choice& t) const {
    return {{"type", "string"}, {"enum", t.words}, {"values", t.words}, {"field", "select"}};
  }
  json operator()(const params::Text& t) const {
    return {{"type", "string"}, {"maxLength", t.maximum_bytes}, {"field", "textarea"}};
  }
  json operator()(const params::IntegerList& t) const {
    return {{"type", "array"},
            {"minItems", t.may_be_unset ? 0 : 1},
            {"maxItems", t.maximum_items},
            {"items", {{"type", "integer"}, {"minimum", t.minimum}, {"maximum", t.maximum}}},
            {"field", t.descending ? "timesteps" : "t_index_list"}};
  }
  json operator()(const params::LoraList&) const { return {{"type", "object"}}; }
  json operator()(const params::NumberList& t) const {
    return {{"type", "array"},
            {"minItems", 1},
            {"maxItems", t.maximum_items},
            {"items", {{"type", "number"}, {"minimum", t.minimum}, {"maximum", t.maximum}}},
            {"step", t.step},
            {"field", "number_list"}};
  }
  json operator()(const params::PromptList& t) const {
    const json text{{"type", "string"}, {"maxLength", t.maximum_bytes}};
    const json weight{{"type", "number"}, {"minimum", 0}, {"maximum", t.maximum_weight}};
    return {{"type", "array"},
            {"minItems", 1},
            {"maxItems", t.maximum_items},
            {"items", {{"type", "array"}, {"prefixItems", json::array({text, weight})}}},
            {"field", "prompt_list"}};
  }
};

json to_json(const auto& value) {
  return value;
}
/// Without the digits that only the conversion from binary makes.
json to_json(double value) {
  return std::round(value * 1e5) / 1e5;
}
json to_json(const std::vector<float>& numbers) {
  json list = json::array();
  for (const float number : numbers) list.push_back(to_json(double{number}));
  return list;
}
json to_json(const std::vector<Lora>& loras) {
  json object = json::object();
  for (const Lora& lora : loras) object[lora.file] = to_json(double{lora.scale});
  return object;
}
json to_json(const std::vector<WeightedPrompt>& prompts) {
  json list = json::array();
  for (const WeightedPrompt& prompt : prompts) {
    list.push_back(json::array({prompt.text, to_json(double{prompt.weight})}));
  }
  return list;
}

json value_of(const params::Parameter& row, const params::Settings& settings) {
  return std::visit(
      [&](const auto& type) {
        const auto value = type.member.get(settings);
        if constexpr (std::is_same_v<std::remove_cvref_t<decltype(type)>, params::IntegerList>) {
          if (!value && type.may_be_unset) return json::array();
        }
        return value ? to_json(*value) : json();
      },
      row.type);
}

}  // namespace

json schema_of(const params::Parameter& row, std::size_t order) {
  json schema = std::visit(Schema{}, row.type);
  schema["id"] = row.name;
  schema["title"] = row.title;
  schema["description"] = row.help;
  schema["group"] = params::to_string(row.group);
  schema["order"] = order;
  schema["needsSession"] = row.change == params::Change::session;
  if (row.in.slider_maximum) schema["sliderMaximum"] = *row.in.slider_maximum;
  return schema;
}

json schema_of(std::span<const params::Parameter> rows, const json& defaults) {
  json properties = json::object();
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

json values_of(std::span<const params::Parameter> rows, const params::Settings& settings) {
  json out = json::object();
  for (const params::Parameter& row : rows) out[row.name] = value_of(row, settings);
  return out;
}

}  // namespace streamdiffusion::settings

#include "server/parameter_specs.h"

#include <algorithm>
#include <cmath>
#include <type_traits>

namespace streamdiffusion::server {
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

/// Sizes are multiples of the autoencoder's factor, and no larger than the operator allows.
void limit_side(params::Parameter& row, int factor, int side) {
  auto& type = std::get<params::Integer>(row.type);
  type.multiple = factor;
  type.minimum = (type.minimum + factor - 1) / factor * factor;
  type.maximum = std::min<std::int64_t>(type.maximum, side) / factor * factor;
}

/// Clients choose among the models that are open instead of naming a folder.
params::Parameter model_row(const std::string& name) {
  params::Parameter row = params::parameter("model");
  row.type = params::Choice{std::get<params::Text>(row.type).member, {name}};
  row.help = "One of those that the server has opened";
  row.group = params::Group::image;
  return row;
}

}  // namespace

std::vector<params::Parameter> offered_parameters(const ServedModel& info, const Limits& limits) {
  std::vector<params::Parameter> rows;
  for (params::Parameter row : params::parameters()) {
    const std::string_view name = row.name;
    if (name == "width" || name == "height") limit_side(row, info.factor, limits.side);
    if (name == "steps") {
      auto& type = std::get<params::Integer>(row.type);
      type.maximum = std::min<std::int64_t>(type.maximum, limits.steps);
    }
    if (name == "t_index_list" || name == "timesteps") {
      auto& type = std::get<params::IntegerList>(row.type);
      type.maximum_items = std::min(type.maximum_items, static_cast<std::size_t>(limits.steps));
    }
    if (name == "lora_scales") {
      if (info.loras.empty()) continue;
      std::get<params::NumberList>(row.type).maximum_items = info.loras.size();
    }
    if (row.in.server) rows.push_back(std::move(row));
  }
  rows.push_back(model_row(info.model));
  return rows;
}

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

json value_of(const params::Parameter& row, const params::Settings& settings) {
  return std::visit(
      [&](const auto& type) {
        const auto value = type.member.get(settings);
        if constexpr (std::is_same_v<std::remove_cvref_t<decltype(type)>, params::IntegerList>) {
          if (!value && type.may_be_unset) return json::array();
        }
        return to_json(value.value());
      },
      row.type);
}

}  // namespace streamdiffusion::server

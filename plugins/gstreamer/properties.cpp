#include "properties.h"

#include <gst/gst.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>

#include "json/json.h"

namespace streamdiffusion::gst {
namespace {

/// Frames come from the sink pad, and no image is encoded.
constexpr std::array<std::string_view, 2> kLeftOut{"mode", "jpeg_quality"};

bool is_property(const params::Parameter& row) {
  return row.group != params::Group::run && std::ranges::find(kLeftOut, row.name) == kLeftOut.end();
}

GParamFlags flags_of(const params::Parameter& row, bool controllable) {
  int flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS;
  if (row.change == params::Change::engine) {
    flags |= GST_PARAM_MUTABLE_READY;
  } else {
    flags |= GST_PARAM_MUTABLE_PLAYING;
    if (controllable && row.change == params::Change::live) flags |= GST_PARAM_CONTROLLABLE;
  }
  return static_cast<GParamFlags>(flags);
}

std::string lists(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

/// Where nothing is set; `unset` where that is the model's matter.
template <typename T>
T default_of(const params::Member<T>& member, T unset) {
  const std::optional<T> value = member.get(params::Settings());
  return value ? *value : member.fallback.value_or(unset);
}

/// Makes the description of a property.
struct Spec {
  const params::Parameter& row;
  /// Live for ever, as the class does.
  const char *name, *help;

  const char* with(const std::string& more) const {
    return more.empty() ? help : g_intern_string((help + (" (" + more + ")")).c_str());
  }
  /// A number or a switch always has a default in GObject, which is not true of a model that has
  /// its own.
  template <typename T>
  const char* help_of(const params::Member<T>& member) const {
    return with(member.get(params::Settings()) ? "" : "not set: as the model has it");
  }
  GParamSpec* text(const std::string& more = {}) const {
    return g_param_spec_string(name, row.title, with(more), nullptr, flags_of(row, false));
  }
  GParamSpec* operator()(const params::Integer& type) const {
    return g_param_spec_int64(
        name, row.title, help_of(type.member), type.minimum, type.maximum,
        std::clamp(default_of(type.member, std::int64_t{0}), type.minimum, type.maximum),
        flags_of(row, true));
  }
  GParamSpec* operator()(const params::Number& type) const {
    return g_param_spec_double(name, row.title, help_of(type.member), type.minimum, type.maximum,
                               std::clamp(default_of(type.member, 0.0), type.minimum, type.maximum),
                               flags_of(row, true));
  }
  GParamSpec* operator()(const params::Boolean& type) const {
    return g_param_spec_boolean(name, row.title, help_of(type.member),
                                default_of(type.member, false) ? TRUE : FALSE, flags_of(row, true));
  }
  GParamSpec* operator()(const params::Choice& type) const { return text(lists(type.words)); }
  GParamSpec* operator()(const params::Text&) const { return text(); }
  GParamSpec* operator()(const params::IntegerList&) const { return text("as 32,45"); }
  GParamSpec* operator()(const params::NumberList&) const { return text("as 0.5,1"); }
  GParamSpec* operator()(const params::PromptList&) const {
    return text(R"(as [["cat", 1], ["dog", 0.5]])");
  }
  GParamSpec* operator()(const params::SeedList&) const { return text("as [[1, 1], [2, 0.5]]"); }
  GParamSpec* operator()(const params::LoraList&) const { return text(R"(as {"FILE": 1})"); }
  GParamSpec* operator()(const params::ControlNetList&) const {
    return text(R"(as [{"model_id": "FOLDER", "preprocessor": "canny"}])");
  }
  GParamSpec* operator()(const params::ControlSettingsList&) const {
    return text(R"(as [{"conditioning_scale": 0.8}], an object for each ControlNet)");
  }
  GParamSpec* operator()(const params::IpAdapterList&) const {
    return text(R"(as [{"ipadapter_model_path": "FILE", "style_image": "FILE", "scale": 0.6}])");
  }
  GParamSpec* operator()(const params::ImagePromptList&) const {
    return text(R"(as [{"scale": 0.6, "style_image": "FILE"}], an object for each IP-Adapter)");
  }
};

bool is_list(const params::Parameter& row) {
  return std::holds_alternative<params::IntegerList>(row.type) ||
         std::holds_alternative<params::NumberList>(row.type);
}

bool is_plain_text(const params::Parameter& row) {
  return std::holds_alternative<params::Text>(row.type) ||
         std::holds_alternative<params::Choice>(row.type);
}

std::string number_text(double value) {
  std::array<char, 32> text{};
  return {text.data(), std::to_chars(text.data(), text.data() + text.size(), value).ptr};
}

/// 32,45 for a list of numbers, JSON for others.
std::string text_of(const params::Parameter& row, const nlohmann::json& value) {
  if (value.is_string()) return value.get<std::string>();
  std::string text = value.dump();
  if (is_list(row) && value.is_array()) text = text.substr(1, text.size() - 2);
  return text;
}

}  // namespace

const std::vector<params::Parameter>& property_rows() {
  static const std::vector<params::Parameter> rows = [] {
    std::vector<params::Parameter> found;
    std::ranges::copy_if(params::parameters(), std::back_inserter(found), is_property);
    return found;
  }();
  return rows;
}

std::string property_name(const params::Parameter& row) {
  std::string name = row.name;
  std::ranges::replace(name, '_', '-');
  return name;
}

void install_properties(GObjectClass* object_class, guint first) {
  for (const params::Parameter& row : property_rows()) {
    const Spec spec{row, g_intern_string(property_name(row).c_str()), row.help};
    g_object_class_install_property(object_class, first++, std::visit(spec, row.type));
  }
}

std::optional<std::string> json_of(const params::Parameter& row, const GValue& value) {
  if (G_VALUE_HOLDS_INT64(&value)) return std::to_string(g_value_get_int64(&value));
  if (G_VALUE_HOLDS_DOUBLE(&value)) return number_text(g_value_get_double(&value));
  if (G_VALUE_HOLDS_BOOLEAN(&value)) return g_value_get_boolean(&value) != FALSE ? "true" : "false";
  const char* text = g_value_get_string(&value);
  if (text == nullptr || *text == '\0') return std::nullopt;
  if (is_plain_text(row)) return json::json_string(text);
  const std::string list = is_list(row) && *text != '[' ? '[' + std::string(text) + ']' : text;
  json::Json::parse(list, property_name(row), {.bytes = std::size_t{1} << 20U});
  return list;
}

void read_value(const params::Parameter& row, const std::string& json, GValue& value) {
  const auto parsed = nlohmann::json::parse(json, nullptr, false);
  if (parsed.is_discarded() || parsed.is_null()) return;
  if (G_VALUE_HOLDS_INT64(&value)) {
    if (parsed.is_number()) g_value_set_int64(&value, parsed.get<std::int64_t>());
  } else if (G_VALUE_HOLDS_DOUBLE(&value)) {
    if (parsed.is_number()) g_value_set_double(&value, parsed.get<double>());
  } else if (G_VALUE_HOLDS_BOOLEAN(&value)) {
    if (parsed.is_boolean()) g_value_set_boolean(&value, parsed.get<bool>() ? TRUE : FALSE);
  } else {
    g_value_set_string(&value, text_of(row, parsed).c_str());
  }
}

}  // namespace streamdiffusion::gst

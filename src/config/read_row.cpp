#include "config/read_row.h"

#include <algorithm>

#include "base/log.h"
#include "config/read_ip_adapter.h"
#include "params/check.h"
#include "params/control.h"
#include "params/members.h"

namespace streamdiffusion::config {
namespace {

/// A value of a row's type, or what the file says is refused with its line.
std::int64_t read(const params::Integer&, const Value& v) {
  return v.integer();
}
double read(const params::Number& type, const Value& v) {
  const auto value =
      v.node().IsScalar() ? params::parse(type, v.node().Scalar()) : std::optional<double>();
  if (!value) v.refuse(params::describe(type));
  return *value;
}
bool read(const params::Boolean&, const Value& v) {
  return v.boolean();
}
std::string read(const params::Choice&, const Value& v) {
  return v.text();
}
std::string read(const params::Text& type, const Value& v) {
  return type.is_prompt ? v.prompt() : v.text();
}
std::vector<int> read(const params::IntegerList& type, const Value& v) {
  std::vector<int> list;
  for (const Value& item : v.list()) {
    const auto value = item.integer();
    const params::Integer each{{}, type.minimum, type.maximum};
    if (!params::accepts(each, value)) item.refuse(params::describe(each));
    list.push_back(static_cast<int>(value));
  }
  return list;
}

/// ["red apple", 0.7], {text: red apple, weight: 0.7}, or a text alone
WeightedPrompt read_weighted(const Value& v) {
  const auto weighted = [](const Value& text, const Value& weight) -> WeightedPrompt {
    const double share = weight.number();
    if (!params::accepts_weight(share)) {
      weight.refuse(base::concat("a weight from 0 to ", params::prompt_list().maximum_weight));
    }
    return {text.prompt(), static_cast<float>(share)};
  };
  if (v.is_map()) {
    const char* text = v.node()["prompt"] ? "prompt" : "text";
    v.allow_only({text, "weight"});
    return weighted(v.member(text), v.member("weight"));
  }
  if (!v.is_list()) return {v.prompt(), 1.0F};
  const std::vector<Value> pair = v.list();
  if (pair.size() != 2) v.refuse("a text and its weight");
  return weighted(pair[0], pair[1]);
}

std::vector<WeightedPrompt> read(const params::PromptList&, const Value& v) {
  if (!v.is_list()) return {read_weighted(v)};
  std::vector<WeightedPrompt> prompts;
  for (const Value& prompt : v.list()) prompts.push_back(read_weighted(prompt));
  return prompts;
}

/// [[2, 0.7], [5, 0.3]], or [2, 5] for equal shares
std::vector<WeightedSeed> read(const params::SeedList& type, const Value& v) {
  const params::Integer seed{{}, 0, type.maximum_seed};
  std::vector<WeightedSeed> seeds;
  for (const Value& item : v.list()) {
    if (!item.is_list()) {
      seeds.push_back({read(seed, item), 1.0F});
      continue;
    }
    const std::vector<Value> pair = item.list();
    if (pair.size() != 2) item.refuse("a seed and its weight");
    seeds.push_back({read(seed, pair[0]), static_cast<float>(pair[1].number())});
  }
  return seeds;
}

/// {style.safetensors: 0.7}, or a list of files or of {file: scale}
std::vector<Lora> read(const params::LoraList&, const Value& v) {
  if (v.is_map()) {
    std::vector<Lora> loras;
    for (const auto& entry : v.node()) {
      const Value file(entry.first, v.file(), v.key());
      const Value scale(entry.second, v.file(), base::concat(v.key(), ".", file.text()));
      loras.push_back({file.text(), static_cast<float>(scale.number())});
    }
    return loras;
  }
  if (!v.is_list()) return {{v.text(), 1.0F}};
  std::vector<Lora> loras;
  for (const Value& item : v.list()) {
    for (Lora& lora : read(params::LoraList{}, item)) loras.push_back(std::move(lora));
  }
  return loras;
}

std::vector<float> read(const params::NumberList&, const Value& v) {
  std::vector<float> numbers;
  for (const Value& item : v.list()) numbers.push_back(static_cast<float>(item.number()));
  return numbers;
}

std::vector<std::string> texts(const std::vector<std::string_view>& names) {
  return {names.begin(), names.end()};
}

void read_preprocessor_params(const Value& v, params::Settings& settings) {
  if (v.is_off()) return;
  if (!v.is_map()) v.refuse("a map of the preprocessor's options");
  v.allow_only(texts(params::names_of(params::preprocessor_parameters())));
  read_members(params::preprocessor_parameters(), v, settings);
}

/// What the settings of a net say together.
void check_control(const Value& v, const ControlSettings& settings) {
  const bool has_options =
      v.node()[params::kPreprocessorParams] && v.member(params::kPreprocessorParams).is_map();
  if (const auto conflict = params::conflict_of(settings)) {
    const Value at = conflict->options ? v.member(params::kPreprocessorParams) : v;
    const bool lower = static_cast<bool>(at.node()[conflict->lower.name]);
    const auto& side = lower ? conflict->lower : conflict->upper;
    at.member(side.name).refuse(side.expected);
  }
  if (!has_options) return;
  const Value options = v.member(params::kPreprocessorParams);
  for (const params::Parameter& row : params::preprocessor_parameters()) {
    const std::string why = params::why_idle(row.name, settings.image.preprocessor);
    if (why.empty() || !options.node()[row.name]) continue;
    const Value option = options.member(row.name);
    base::warn(option.position(), option.key(), " has no effect", why);
  }
}

/// A map with model_id, in the shape of the forks.
ControlNet read_controlnet(const Value& v) {
  if (!v.is_map()) v.refuse("a map with model_id, the folder or the name of a ControlNet");
  const char* model = v.node()["model"] ? "model" : "model_id";
  std::vector<std::string> names = texts(params::control_names());
  names.insert(names.begin(), model);
  v.allow_only(names);
  params::Settings settings;
  read_members(params::control_parameters(), v, settings);
  if (v.node()[params::kPreprocessorParams]) {
    read_preprocessor_params(v.member(params::kPreprocessorParams), settings);
  }
  check_control(v, settings.control);
  return {.model = v.member(model).text(), .settings = settings.control};
}

std::vector<ControlNet> read(const params::ControlNetList&, const Value& v) {
  std::vector<ControlNet> nets;
  for (const Value& item : v.list()) nets.push_back(read_controlnet(item));
  return nets;
}

std::vector<IpAdapter> read(const params::IpAdapterList&, const Value& v) {
  std::vector<IpAdapter> adapters;
  for (const Value& item : v.list()) adapters.push_back(read_ip_adapter(item));
  return adapters;
}

/// No keys of a file: `controlnets` and `ipadapters` have them.
std::vector<ControlSettings> read(const params::ControlSettingsList& type, const Value& v) {
  v.refuse(params::describe(type));
}
std::vector<ImagePrompt> read(const params::ImagePromptList& type, const Value& v) {
  v.refuse(params::describe(type));
}

}  // namespace

void read_members(const std::vector<params::Parameter>& rows, const Value& v,
                  params::Settings& settings) {
  for (const params::Parameter& row : rows) {
    if (v.node()[row.name]) read_row(row, v.member(row.name), settings);
  }
}

void read_row(const params::Parameter& row, const Value& v, params::Settings& settings) {
  std::visit(
      [&](const auto& type) {
        const auto value = read(type, v);
        if (!params::accepts(type, value)) v.refuse(params::expected(type, value));
        type.member.set(settings, value);
      },
      row.type);
}

}  // namespace streamdiffusion::config

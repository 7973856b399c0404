#include "params/read_json.h"

#include "base/error.h"
#include "params/check.h"

namespace streamdiffusion::params {
namespace {

using json::Json;

std::int64_t read(const Integer& type, const Json& value) {
  return value.integer(type.minimum, type.maximum);
}
double read(const Number&, const Json& value) {
  return value.number();
}
bool read(const Boolean&, const Json& value) {
  return value.boolean();
}
const std::string& read(const Choice&, const Json& value) {
  return value.string();
}
const std::string& read(const Text&, const Json& value) {
  return value.string();
}

bool is_empty_list(const Json& value) {
  return value.is(Json::Kind::array) && value.size() == 0;
}

std::vector<int> read(const IntegerList& type, const Json& value) {
  const auto list = value.integers(type.minimum, type.maximum);
  return {list.begin(), list.end()};
}

WeightedPrompt read_pair(const PromptList& type, const Json& pair) {
  if (!pair.is(Json::Kind::array) || pair.size() != 2) pair.refuse("a pair [text, weight]");
  const double weight = pair[1].number();
  if (!accepts_weight(weight)) {
    pair[1].refuse(base::concat("a weight from 0 to ", type.maximum_weight));
  }
  return {pair[0].string(), static_cast<float>(weight)};
}

std::vector<WeightedPrompt> read(const PromptList& type, const Json& value) {
  if (!value.is(Json::Kind::array)) value.refuse(describe(type));
  std::vector<WeightedPrompt> prompts;
  for (std::size_t i = 0; i < value.size(); ++i) prompts.push_back(read_pair(type, value[i]));
  return prompts;
}

std::vector<Lora> read(const LoraList& type, const Json& value) {
  if (!value.is(Json::Kind::object)) value.refuse(describe(type));
  std::vector<Lora> loras;
  for (std::size_t i = 0; i < value.size(); ++i) {
    const auto [file, scale] = value.member(i);
    loras.push_back({std::string(file), static_cast<float>(scale.number())});
  }
  return loras;
}

std::vector<float> read(const NumberList& type, const Json& value) {
  if (!value.is(Json::Kind::array)) value.refuse(describe(type));
  std::vector<float> numbers;
  for (std::size_t i = 0; i < value.size(); ++i) {
    numbers.push_back(static_cast<float>(value[i].number()));
  }
  return numbers;
}

}  // namespace

void read_json(const Parameter& row, const Json& value, Settings& settings) {
  std::visit(
      [&](const auto& type) {
        if constexpr (std::is_same_v<std::remove_cvref_t<decltype(type)>, IntegerList>) {
          if (type.may_be_unset && is_empty_list(value)) return type.member.set(settings, {});
        }
        const auto found = read(type, value);
        if (!accepts(type, found)) value.refuse(describe(type));
        type.member.set(settings, found);
      },
      row.type);
}

}  // namespace streamdiffusion::params

#include "params/read_json.h"

#include "base/error.h"
#include "params/check.h"
#include "params/control.h"
#include "params/image_prompt.h"
#include "params/members.h"

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

/// Of an item of a list: the message then names the item, not the list.
double number_within(const Json& value, double least, double most) {
  const double number = value.number();
  if (!(number >= least && number <= most)) {
    value.refuse(base::concat("a number from ", least, " to ", most));
  }
  return number;
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

/// [[seed, weight], ...]
std::vector<WeightedSeed> read(const SeedList& type, const Json& value) {
  if (!value.is(Json::Kind::array)) value.refuse(describe(type));
  std::vector<WeightedSeed> seeds;
  for (std::size_t i = 0; i < value.size(); ++i) {
    const Json pair = value[i];
    if (!pair.is(Json::Kind::array) || pair.size() != 2) pair.refuse("a pair [seed, weight]");
    const double weight = number_within(pair[1], 0, type.maximum_weight);
    seeds.push_back({pair[0].integer(0, type.maximum_seed), static_cast<float>(weight)});
  }
  return seeds;
}

std::vector<Lora> read(const LoraList& type, const Json& value) {
  if (!value.is(Json::Kind::object)) value.refuse(describe(type));
  std::vector<Lora> loras;
  for (std::size_t i = 0; i < value.size(); ++i) {
    const auto [file, scale] = value.member(i);
    const double within = number_within(scale, type.minimum_scale, type.maximum_scale);
    loras.push_back({std::string(file), static_cast<float>(within)});
  }
  return loras;
}

std::vector<ControlNet> read(const ControlNetList&, const Json& value) {
  return read_controlnets(value);
}
std::vector<IpAdapter> read(const IpAdapterList&, const Json& value) {
  return read_ip_adapters(value);
}

/// Lists of which, and in whose objects, what is left out stays as it is.
std::vector<float> read(const NumberList& type, const Json& value, const std::vector<float>& now) {
  if (!value.is(Json::Kind::array) || is_empty_list(value)) value.refuse(describe(type));
  std::vector<float> numbers;
  for (std::size_t i = 0; i < value.size(); ++i) {
    numbers.push_back(static_cast<float>(number_within(value[i], type.minimum, type.maximum)));
  }
  append_rest(numbers, now);
  return numbers;
}
std::vector<ControlSettings> read(const ControlSettingsList& type, const Json& value,
                                  const std::vector<ControlSettings>& now) {
  if (is_empty_list(value)) value.refuse(describe(type));
  return read_control_list(value, now);
}
std::vector<ImagePrompt> read(const ImagePromptList& type, const Json& value,
                              const std::vector<ImagePrompt>& now) {
  if (is_empty_list(value)) value.refuse(describe(type));
  return read_image_prompts(type, value, now);
}

}  // namespace

void read_json(const Parameter& row, const Json& value, Settings& settings) {
  std::visit(
      [&](const auto& type) {
        using Row = std::remove_cvref_t<decltype(type)>;
        if constexpr (std::is_same_v<Row, IntegerList>) {
          if (type.may_be_unset && is_empty_list(value)) return type.member.set(settings, {});
        }
        if constexpr (std::is_same_v<Row, SeedList>) {
          if (is_empty_list(value)) return type.member.set(settings, {});
        }
        const auto found = [&] {
          if constexpr (std::is_same_v<Row, NumberList> ||
                        std::is_same_v<Row, ControlSettingsList> ||
                        std::is_same_v<Row, ImagePromptList>) {
            const auto now = type.member.get(settings);
            return read(type, value, now.value_or(typename decltype(now)::value_type()));
          } else {
            return read(type, value);
          }
        }();
        if (!accepts(type, found)) value.refuse(expected(type, found));
        type.member.set(settings, found);
      },
      row.type);
}

}  // namespace streamdiffusion::params

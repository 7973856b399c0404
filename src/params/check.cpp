#include "params/check.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <set>

#include "base/error.h"
#include "base/join.h"
#include "base/parse_number.h"
#include "json/quote.h"
#include "params/control.h"
#include "params/image_prompt.h"
#include "params/limits.h"

namespace streamdiffusion::params {
namespace {

using base::concat;

constexpr std::size_t kLongestShown = 80;

bool is_text(const std::string& value, std::size_t maximum_bytes) {
  return value.size() <= maximum_bytes && value.find('\0') == std::string::npos;
}

/// A value as messages show it.
std::string shown(std::int64_t value) {
  return concat(value);
}
std::string shown(double value) {
  return base::number_text(value);
}
std::string shown(bool value) {
  return value ? "true" : "false";
}
std::string shown(const std::string& value) {
  return concat(json::quote(value.substr(0, kLongestShown)), " (", value.size(), " bytes)");
}
std::string shown(const std::vector<int>& value) {
  return concat("[", base::joined(value, {}, ",").substr(0, kLongestShown), "]");
}
std::string shown(const std::vector<WeightedPrompt>& value) {
  std::string weights;
  for (const WeightedPrompt& prompt : value) {
    weights += concat(weights.empty() ? "" : ", ", prompt.weight);
  }
  return concat("a list of ", value.size(), " with weights ", weights.substr(0, kLongestShown));
}
std::string shown(const std::vector<WeightedSeed>& value) {
  std::string text;
  for (const WeightedSeed& each : value)
    text += concat(text.empty() ? "" : ", ", each.seed, ":", each.weight);
  return concat("[", text.substr(0, kLongestShown), "]");
}
std::string shown(const std::vector<Lora>& value) {
  std::string text;
  for (const Lora& lora : value) {
    text += concat(text.empty() ? "" : ", ", json::printable(lora.file, kLongestShown), ":",
                   lora.scale);
  }
  return concat("a list of ", value.size(), ", ", text);
}
std::string shown(const std::vector<float>& value) {
  return concat("[", base::joined(value, {}, ",").substr(0, kLongestShown), "]");
}

std::string shown(const std::vector<ControlNet>& value) {
  std::string text;
  for (const ControlNet& net : value) {
    text += concat(text.empty() ? "" : ", ", net.model.substr(0, kLongestShown), ":",
                   net.settings.scale);
  }
  return concat("a list of ", value.size(), ", ", text);
}
std::string shown(const std::vector<ControlSettings>& value) {
  return concat("a list of ", value.size());
}
std::string shown(const std::vector<IpAdapter>& value) {
  std::string text;
  for (const IpAdapter& adapter : value) {
    text += concat(text.empty() ? "" : ", ", json::printable(adapter.file, kLongestShown), ":",
                   adapter.prompt.scale);
  }
  return concat("a list of ", value.size(), ", ", text);
}
std::string shown(const std::vector<ImagePrompt>& value) {
  return concat("a list of ", value.size());
}

struct Describe {
  std::string operator()(const Integer& t) const {
    const std::string kind =
        t.multiple > 1 ? concat("a multiple of ", t.multiple, " from ") : "an integer from ";
    return concat(kind, t.minimum, " to ", t.maximum);
  }
  std::string operator()(const Number& t) const {
    return concat("a number from ", t.minimum, " to ", t.maximum,
                  t.ratio ? ", or a ratio such as 30000/1001" : "");
  }
  std::string operator()(const Boolean&) const { return "true or false"; }
  std::string operator()(const Choice& t) const { return base::joined(t.words); }
  std::string operator()(const Text& t) const {
    return concat("a text of at most ", t.maximum_bytes, " bytes");
  }
  std::string operator()(const IntegerList& t) const {
    return concat("1 to ", t.maximum_items, t.descending ? " descending" : " ascending",
                  " integers from ", t.minimum, " to ", t.maximum);
  }
  std::string operator()(const SeedList& t) const {
    return concat("1 to ", t.maximum_items, " seeds from 0 to ", t.maximum_seed,
                  ", each once, with weights from 0 to ", t.maximum_weight,
                  ", at least one above 0");
  }
  std::string operator()(const LoraList& t) const {
    return concat("1 to ", t.maximum_items, " files, each once, with scales from ", t.minimum_scale,
                  " to ", t.maximum_scale);
  }
  std::string operator()(const NumberList& t) const {
    return concat("1 to ", t.maximum_items, " numbers from ", t.minimum, " to ", t.maximum);
  }
  std::string operator()(const ControlNetList& t) const {
    return concat("1 to ", t.maximum_items, " objects of model_id, ",
                  base::joined(control_names()));
  }
  std::string operator()(const ControlSettingsList& t) const {
    return concat("1 to ", t.maximum_items, " objects of ", base::joined(control_names()));
  }
  std::string operator()(const IpAdapterList& t) const {
    return concat("1 to ", t.maximum_items, " objects of ", base::joined(ip_adapter_names()));
  }
  std::string operator()(const ImagePromptList& t) const {
    return concat("1 to ", t.maximum_items, " objects of ", base::joined(image_prompt_names()));
  }
  std::string operator()(const PromptList& t) const {
    return concat("1 to ", t.maximum_items, " prompts of at most ", t.maximum_bytes,
                  " bytes, with weights from 0 to ", t.maximum_weight, ", at least one above 0");
  }
};

/// Wraps the options that the rows refer to as settings.
Settings with(const SessionOptions& options) {
  return {.live = {.options = options}};
}

bool equal(const std::vector<WeightedPrompt>& a, const std::vector<WeightedPrompt>& b) {
  return std::ranges::equal(a, b, [](const WeightedPrompt& x, const WeightedPrompt& y) {
    return x.text == y.text && x.weight == y.weight;
  });
}
bool equal(const auto& a, const auto& b) {
  return a == b;
}

bool same(const Type& type, const Settings& a, const Settings& b) {
  return std::visit(
      [&](const auto& t) {
        const auto first = t.member.get(a), second = t.member.get(b);
        return first.has_value() == second.has_value() && (!first || equal(*first, *second));
      },
      type);
}

bool same_length(const IntegerList& type, const Settings& a, const Settings& b) {
  const std::vector<int> none;
  return type.member.get(a).value_or(none).size() == type.member.get(b).value_or(none).size();
}

/// Told before the range of the whole list, which does not say which of its items is wrong.
void check_images(std::string_view name, std::size_t item, const ImagePrompt& prompt) {
  const std::size_t count = image_count(prompt);
  base::require(count <= kMaxImagePromptImages, base::ErrorCode::invalid_argument, name, "[", item,
                "] has ", count, " images, expected at most ", kMaxImagePromptImages);
}
void check_images(std::string_view name, const auto& value) {
  if constexpr (requires { value->front().images; }) {
    for (std::size_t i = 0; value && i < value->size(); ++i) check_images(name, i, (*value)[i]);
  } else if constexpr (requires { value->front().prompt.images; }) {
    for (std::size_t i = 0; value && i < value->size(); ++i)
      check_images(name, i, (*value)[i].prompt);
  }
}

}  // namespace

std::string describe(const Type& type) {
  return std::visit(Describe{}, type);
}

bool accepts(const Integer& type, std::int64_t value) {
  return value >= type.minimum && value <= type.maximum && value % type.multiple == 0;
}

bool accepts(const Number& type, double value) {
  return value >= type.minimum && value <= type.maximum;
}

bool accepts(const Boolean&, bool) {
  return true;
}

bool accepts(const Choice& type, const std::string& value) {
  return std::ranges::find(type.words, value) != type.words.end();
}

bool accepts(const Text& type, const std::string& value) {
  return is_text(value, type.maximum_bytes);
}

bool accepts(const IntegerList& type, const std::vector<int>& value) {
  if (value.empty()) return false;
  const auto [least, most] = std::ranges::minmax(value);
  const bool in_order =
      type.descending ? std::ranges::adjacent_find(value, std::less_equal<>()) == value.end()
                      : std::ranges::adjacent_find(value, std::greater_equal<>()) == value.end();
  return value.size() <= type.maximum_items && least >= type.minimum && most <= type.maximum &&
         in_order;
}

bool accepts(const PromptList& type, const std::vector<WeightedPrompt>& value) {
  const bool each = std::ranges::all_of(value, [&](const WeightedPrompt& prompt) {
    return is_text(prompt.text, type.maximum_bytes) && accepts_weight(prompt.weight);
  });
  return each && value.size() <= type.maximum_items &&
         std::ranges::any_of(value, [](const WeightedPrompt& p) { return p.weight > 0; });
}

bool accepts(const SeedList& type, const std::vector<WeightedSeed>& value) {
  std::set<std::int64_t> seeds;
  const bool each = std::ranges::all_of(value, [&](const WeightedSeed& one) {
    return one.seed >= 0 && one.seed <= type.maximum_seed && one.weight >= 0 &&
           one.weight <= type.maximum_weight && seeds.insert(one.seed).second;
  });
  return each && value.size() <= type.maximum_items &&
         std::ranges::any_of(value, [](const WeightedSeed& one) { return one.weight > 0; });
}

bool accepts(const LoraList& type, const std::vector<Lora>& value) {
  std::set<std::string_view> files;
  return !value.empty() && value.size() <= type.maximum_items &&
         std::ranges::all_of(value, [&](const Lora& lora) {
           return !lora.file.empty() && is_text(lora.file, type.maximum_bytes) &&
                  lora.scale >= type.minimum_scale && lora.scale <= type.maximum_scale &&
                  files.insert(lora.file).second;
         });
}

bool accepts(const NumberList& type, const std::vector<float>& value) {
  return !value.empty() && value.size() <= type.maximum_items &&
         std::ranges::all_of(
             value, [&](float number) { return number >= type.minimum && number <= type.maximum; });
}

bool accepts(const ControlNetList& type, const std::vector<ControlNet>& value) {
  return !value.empty() && value.size() <= type.maximum_items &&
         std::ranges::all_of(value, [&](const ControlNet& net) {
           return !net.model.empty() && is_text(net.model, type.maximum_bytes) &&
                  accepts(net.settings);
         });
}

bool accepts(const ControlSettingsList& type, const std::vector<ControlSettings>& value) {
  return !value.empty() && value.size() <= type.maximum_items &&
         std::ranges::all_of(value, [](const ControlSettings& each) { return accepts(each); });
}

bool accepts(const IpAdapterList& type, const std::vector<IpAdapter>& value) {
  const auto is_path = [&](const std::string& path) { return is_text(path, type.maximum_bytes); };
  return !value.empty() && value.size() <= type.maximum_items &&
         std::ranges::all_of(value, [&](const IpAdapter& adapter) {
           return !adapter.file.empty() && is_path(adapter.file) &&
                  is_path(adapter.image_encoder) &&
                  std::ranges::all_of(adapter.prompt.files, is_path) && accepts(adapter.prompt);
         });
}

bool accepts(const ImagePromptList& type, const std::vector<ImagePrompt>& value) {
  return !value.empty() && value.size() <= type.maximum_items &&
         std::ranges::all_of(value, [](const ImagePrompt& each) { return accepts(each); });
}

std::optional<double> parse(const Number& type, std::string_view text) {
  const std::size_t slash = text.find('/');
  if (!type.ratio || slash == std::string_view::npos) return base::parse_number<double>(text);
  const auto numerator = base::parse_number<std::int32_t>(text.substr(0, slash));
  const auto denominator = base::parse_number<std::int32_t>(text.substr(slash + 1));
  if (!numerator || !denominator || *denominator <= 0) return std::nullopt;
  return static_cast<double>(*numerator) / *denominator;
}

bool accepts_weight(double weight) {
  return weight >= 0 && weight <= prompt_list().maximum_weight;
}

void check(const Settings& settings) {
  for (const Parameter& row : parameters()) {
    std::visit(
        [&](const auto& type) {
          const auto value = type.member.get(settings);
          check_images(row.name, value);
          base::require(!value || accepts(type, *value), base::ErrorCode::invalid_argument,
                        row.name, " is ", value ? shown(*value) : "", ", expected ",
                        value ? expected(type, *value) : "");
        },
        row.type);
  }
}

void check(const SessionOptions& options) {
  check(with(options));
}

void check(const LiveSettings& settings) {
  Settings all;
  all.live = settings;
  check(all);
}

void check_prompts(const std::vector<WeightedPrompt>& prompts) {
  PromptList type = prompt_list();
  type.maximum_items = std::max(type.maximum_items, prompts.size());
  base::require(accepts(type, prompts), base::ErrorCode::invalid_argument, "prompt_list is ",
                shown(prompts), ", expected ", expected(type, prompts));
}

void check_seeds(const std::vector<WeightedSeed>& seeds) {
  SeedList type = std::get<SeedList>(parameter("seed_list").type);
  type.maximum_items = std::max(type.maximum_items, seeds.size());
  base::require(accepts(type, seeds), base::ErrorCode::invalid_argument, "seed_list is ",
                shown(seeds), ", expected ", describe(type));
}

void fill(Settings& to, const Settings& from) {
  for (const Parameter& row : parameters()) {
    std::visit(
        [&](const auto& type) {
          if (type.member.get(to)) return;
          if (const auto value = type.member.get(from)) type.member.set(to, *value);
        },
        row.type);
  }
}

const Settings& fallbacks() {
  static const Settings all = [] {
    Settings settings;
    for (const Parameter& row : parameters()) {
      std::visit(
          [&](const auto& type) {
            if (type.member.fallback) type.member.set(settings, *type.member.fallback);
          },
          row.type);
    }
    return settings;
  }();
  return all;
}

bool same_session(const SessionOptions& a, const SessionOptions& b) {
  const Settings first = with(a), second = with(b);
  return std::ranges::all_of(parameters(), [&](const Parameter& row) {
    if (row.change == Change::session) return same(row.type, first, second);
    if (row.change != Change::session_for_length) return true;
    return same_length(std::get<IntegerList>(row.type), first, second);
  });
}

}  // namespace streamdiffusion::params

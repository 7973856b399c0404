#include "flags.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <utility>

#include "arguments.h"
#include "base/error.h"
#include "base/file_url.h"
#include "base/join.h"
#include "base/parse_number.h"
#include "base/printable.h"
#include "json/quote.h"
#include "model_value.h"
#include "params/check.h"
#include "params/empty_note.h"

namespace streamdiffusion::app {
namespace {

using base::concat;

constexpr std::size_t kLongestShown = 80;

[[noreturn]] void refuse(const std::string& name, const std::string& found,
                         const std::string& expected) {
  base::fail(ErrorCode::invalid_argument, name, " is ", json::printable(found, kLongestShown),
             ", expected ", expected);
}

std::optional<std::int64_t> parse(const params::Integer&, const std::string& text) {
  return base::parse_number<std::int64_t>(text);
}
std::optional<double> parse(const params::Number& type, const std::string& text) {
  return params::parse(type, text);
}

template <typename T, typename Type>
T read_number(const std::string& name, const std::string& text, const Type& type) {
  const std::optional<T> value = parse(type, text);
  if (!value || !params::accepts(type, *value)) refuse(name, text, params::describe(type));
  return *value;
}

std::string range(const params::Integer& type) {
  if (type.maximum == INT64_MAX) return concat("INT >= ", type.minimum);
  return concat("INT in [", type.minimum, " - ", type.maximum, "]");
}
std::string range(const params::Number& type) {
  return concat("FLOAT in [", type.minimum, " - ", type.maximum, "]");
}

std::string braced(const std::vector<std::string>& words) {
  std::string list;
  for (const std::string& word : words) list += (list.empty() ? "" : ",") + word;
  return "{" + list + "}";
}

/// "--host,--listen" -> "--host"
std::string shown_name(const std::string& names) {
  return names.substr(0, names.find(','));
}

/// "18,32" -> "18", "32". Empty items stay, to be refused as numbers.
std::vector<std::string> split(const std::vector<std::string>& values) {
  std::vector<std::string> items;
  for (const std::string& value : values) {
    std::size_t begin = 0;
    for (std::size_t end = 0; end != std::string::npos; begin = end + 1) {
      end = value.find(',', begin);
      items.push_back(value.substr(begin, end - begin));
    }
  }
  return items;
}

/// A default as the help shows it; nothing for one that is unset or out of range.
template <typename T>
std::string shown_default(const auto& type, const std::optional<T>& value) {
  return value && params::accepts(type, *value) ? concat(*value) : "";
}

/// Where a path is expected, file: addresses are taken too.
bool is_file(const FlagStyle& style) {
  return style.value == "PATH" || style.value.starts_with("FILE") || style.value.starts_with("DIR");
}

}  // namespace

CLI::Option& Flags::add(const std::string& name, const std::string& help, const FlagStyle& style,
                        const std::string& default_text, std::function<void(const Values&)> read) {
  CLI::Option& option = *command_->add_option(
      name,
      [name, read = std::move(read), file = is_file(style),
       if_empty = style.if_empty](const Values& marked) {
        Values values;
        for (const std::string& value : marked) {
          values.push_back(file ? base::path_of(unmarked(value)) : unmarked(value));
          base::require(!base::is_blank(values.back()), ErrorCode::invalid_argument,
                        shown_name(name), " is empty, expected a value",
                        if_empty.empty() ? "" : "; ", if_empty);
        }
        read(values);
        return true;
      },
      help);
  option.group(group_)->type_name(style.value)->default_str(default_text);
  if (!style.environment.empty()) option.envname(style.environment);
  if (style.first) option.trigger_on_parse();
  return option;
}

void Flags::list(CLI::Option& option, bool each_time) {
  option.expected(1, -1)->allow_extra_args();
  if (each_time) option.take_all();
}

void Flags::action(const std::string& name, std::function<void(const std::string&)> read,
                   const std::string& help, const FlagStyle& style) {
  add(name, help, style, "",
      [read = std::move(read)](const Values& values) { read(values.front()); });
}

void Flags::text(const std::string& name, std::string& target, const std::string& help,
                 const FlagStyle& style) {
  FlagStyle shown_style = style;
  if (style.value.empty()) shown_style.value = "TEXT";
  add(name, help, shown_style, target,
      [&target](const Values& values) { target = values.front(); });
}

void Flags::texts(const std::string& name, std::vector<std::string>& target,
                  const std::string& help, const FlagStyle& style) {
  list(add(name, help, style, "", [&target](const Values& values) { target = values; }), true);
}

void Flags::choice(const std::string& name, const params::Choice& type, const std::string& now,
                   const std::function<void(const std::string&)>& set, const std::string& help) {
  add(name, help, {.value = braced(type.words)}, now, [=](const Values& values) {
    if (!params::accepts(type, values.front()))
      refuse(name, values.front(), params::describe(type));
    set(values.front());
  });
}

void Flags::word(const std::string& name, std::string& target, std::vector<std::string> words,
                 const std::string& help) {
  choice(
      name, {{}, std::move(words)}, target, [&target](const std::string& word) { target = word; },
      help);
}

void Flags::integer(const std::string& name, const params::Integer& type,
                    std::optional<std::int64_t> now, const std::function<void(std::int64_t)>& set,
                    const std::string& help) {
  add(name, help, {.value = range(type)}, shown_default(type, now),
      [=](const Values& values) { set(read_number<std::int64_t>(name, values.front(), type)); });
}

void Flags::number(const std::string& name, const params::Number& type, std::optional<double> now,
                   const std::function<void(double)>& set, const std::string& help,
                   const FlagStyle& style) {
  FlagStyle shown_style = style;
  if (style.value.empty()) shown_style.value = range(type);
  add(name, help, shown_style, shown_default(type, now),
      [=](const Values& values) { set(read_number<double>(name, values.front(), type)); });
}

void Flags::number(const std::string& name, double& target, double minimum, double maximum,
                   const std::string& help, const FlagStyle& style) {
  number(
      name, {{}, minimum, maximum, 0}, std::optional(target),
      [&target](double value) { target = value; }, help, style);
}

void Flags::numbers(const std::string& name, std::vector<float>& target, double minimum,
                    double maximum, const std::string& help, const FlagStyle& style) {
  const params::Number type{{}, minimum, maximum, 0};
  const auto read = [=, &target](const Values& values) {
    target.clear();
    for (const std::string& value : split(values)) {
      target.push_back(static_cast<float>(read_number<double>(name, value, type)));
    }
  };
  list(add(name, help, style, "", read), false);
}

void Flags::integers(const std::string& name, const params::IntegerList& type,
                     const std::function<void(const std::vector<int>&)>& set,
                     const std::string& help, const FlagStyle& style) {
  const auto read = [=](const Values& values) {
    std::vector<int> list;
    std::string text;
    for (const std::string& value : split(values)) {
      text += (text.empty() ? "" : ",") + value;
      list.push_back(base::parse_number<int>(value).value_or(-1));
    }
    if (!params::accepts(type, list)) refuse(name, text, params::describe(type));
    set(list);
  };
  list(add(name, help, style, "", read), false);
}

template <typename Item, typename Type>
void Flags::models(const std::string& name, const Type& type,
                   const std::function<Item(const std::string&)>& read_item,
                   const std::function<void(const std::vector<Item>&)>& set,
                   const std::string& help, const FlagStyle& style) {
  const auto read = [=](const Values& values) {
    std::vector<Item> items;
    std::string all;
    for (const std::string& value : values) {
      items.push_back(read_item(value));
      all += (all.empty() ? "" : " ") + value;
    }
    if (!params::accepts(type, items)) refuse(name, all, params::describe(type));
    set(items);
  };
  list(add(name, help, style, "", read), true);
}

/// SEED or SEED:WEIGHT, with commas between them.
void Flags::seeds(const std::string& name, const params::SeedList& type,
                  const std::function<void(const std::vector<WeightedSeed>&)>& set,
                  const std::string& help, const FlagStyle& style) {
  const auto read = [=](const Values& values) {
    std::vector<WeightedSeed> list;
    for (const std::string& value : split(values)) {
      const auto colon = value.find(':');
      const auto seed = base::parse_number<std::int64_t>(value.substr(0, colon));
      const auto weight = colon == std::string::npos
                              ? std::optional(1.0)
                              : base::parse_number<double>(value.substr(colon + 1));
      if (!seed || !weight) refuse(name, value, "SEED or SEED:WEIGHT, as 2:0.7");
      list.push_back({*seed, static_cast<float>(*weight)});
    }
    if (!params::accepts(type, list)) refuse(name, base::joined(values), params::describe(type));
    set(list);
  };
  list(add(name, help, style, "", read), false);
}

void Flags::flag(const std::string& name, const std::function<void(bool)>& set,
                 const std::string& help) {
  command_
      ->add_flag_function(
          name, [set](std::int64_t count) { set(count > 0); }, help)
      ->group(group_);
}

void Flags::flag(const std::string& name, bool& target, const std::string& help) {
  flag(
      name, [&target](bool value) { target = value; }, help);
}

void Flags::parameter(const params::Parameter& row, params::Settings& settings) {
  const std::string name = row.in.flag;
  const std::string help = *row.in.flag_help ? row.in.flag_help : row.help;
  const FlagStyle style{.value = row.in.flag_value};
  std::visit(
      [&](const auto& type) {
        using Type = std::remove_cvref_t<decltype(type)>;
        const auto now = type.member.get(settings);
        const auto set = [&settings, &row, set = type.member.set](const auto& v) {
          settings.given.insert(row.name);
          settings.of_file.erase(row.name);
          set(settings, v);
        };
        if constexpr (std::is_same_v<Type, params::Integer>) {
          integer(name, type, now, set, help);
        } else if constexpr (std::is_same_v<Type, params::Number>) {
          number(name, type, now, set, help, style);
        } else if constexpr (std::is_same_v<Type, params::Boolean>) {
          flag(name, set, help);
        } else if constexpr (std::is_same_v<Type, params::Choice>) {
          choice(name, type, shown_default(type, now), set, help);
        } else if constexpr (std::is_same_v<Type, params::Text>) {
          FlagStyle of_text = style;
          if (type.is_prompt) of_text.if_empty = params::kNoText;
          add(name, help, of_text, shown_default(type, now), [=](const Values& values) {
            if (!params::accepts(type, values.front())) {
              refuse(name, concat("a text of ", values.front().size(), " bytes"),
                     params::describe(type));
            }
            set(values.front());
          });
        } else if constexpr (std::is_same_v<Type, params::IntegerList>) {
          integers(name, type, set, help, style);
        } else if constexpr (std::is_same_v<Type, params::SeedList>) {
          seeds(name, type, set, help, style);
        } else if constexpr (std::is_same_v<Type, params::LoraList>) {
          models<Lora>(name, type, read_lora, set, help, style);
        } else if constexpr (std::is_same_v<Type, params::ControlNetList>) {
          models<ControlNet>(name, type, read_controlnet, set, help, style);
        } else if constexpr (std::is_same_v<Type, params::ControlSettingsList>) {
          base::fail(ErrorCode::internal, row.name, ": settings of ControlNets have no flag");
        } else if constexpr (std::is_same_v<Type, params::IpAdapterList>) {
          models<IpAdapter>(name, type, read_ip_adapter, set, help, style);
        } else if constexpr (std::is_same_v<Type, params::ImagePromptList>) {
          base::fail(ErrorCode::internal, row.name, ": --style-image is no flag of the table");
        } else if constexpr (std::is_same_v<Type, params::NumberList>) {
          base::fail(ErrorCode::internal, row.name, ": lists of numbers have no flag");
        } else {
          base::fail(ErrorCode::internal, row.name, ": prompts have flags of their own");
        }
      },
      row.type);
}

void Flags::examples(const std::string& text) {
  command_->footer(text);
}

std::set<std::string, std::less<>> Flags::given() const {
  std::set<std::string, std::less<>> names;
  for (const CLI::Option* option : std::as_const(*command_).get_options()) {
    if (option->count() > 0) names.insert(option->get_name());
  }
  return names;
}

void Flags::run(std::function<void()> command) {
  command_->callback([command = std::move(command)] {
    try {
      command();
    } catch (const ShowHelp&) {
      throw CLI::CallForHelp();
    }
  });
}

}  // namespace streamdiffusion::app

#include "flags.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <utility>

#include "arguments.h"
#include "base/edit_distance.h"
#include "base/error.h"
#include "base/join.h"
#include "base/parse_number.h"
#include "json/quote.h"
#include "params/check.h"

namespace streamdiffusion::app {
namespace {

using base::concat;

constexpr std::size_t kHelpColumn = 44, kLongestShown = 80;

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

Takes takes(const CLI::Option& option) {
  if (option.get_items_expected_max() == 0) return Takes::nothing;
  if (!option.get_allow_extra_args()) return Takes::one;
  const bool each_time = option.get_multi_option_policy() == CLI::MultiOptionPolicy::TakeAll;
  return each_time ? Takes::several_each_time : Takes::several;
}

KnownFlags known_flags(const CLI::App& command) {
  KnownFlags known{.command = command.get_name()};
  for (const CLI::Option* option : command.get_options()) {
    if (option->get_positional()) ++known.positionals;
    const KnownFlag flag{option->get_name(), takes(*option)};
    for (const std::string& name : option->get_lnames()) known.flags["--" + name] = flag;
    for (const std::string& name : option->get_snames()) known.flags["-" + name] = flag;
  }
  return known;
}

/// A default as the help shows it; nothing for one that is unset or out of range.
template <typename T>
std::string shown_default(const auto& type, const std::optional<T>& value) {
  return value && params::accepts(type, *value) ? concat(*value) : "";
}

}  // namespace

CLI::Option& Flags::add(const std::string& name, const std::string& help, const FlagStyle& style,
                        const std::string& default_text, std::function<void(const Values&)> read) {
  CLI::Option& option = *command_->add_option(
      name,
      [name, read = std::move(read)](const Values& marked) {
        Values values;
        for (const std::string& value : marked) {
          values.push_back(unmarked(value));
          base::require(!values.back().empty(), ErrorCode::invalid_argument, shown_name(name),
                        " is empty, expected a value");
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

/// FILE or FILE:SCALE. A colon that no number follows belongs to the file's name.
static Lora lora_of(const std::string& text) {
  const auto colon = text.rfind(':');
  const bool of_civitai = text.substr(0, colon) == "civitai";  // its number is no scale
  if (colon == std::string::npos || colon == 0 || of_civitai) return {text, 1.0F};
  const auto scale = base::parse_number<double>(text.substr(colon + 1));
  return scale ? Lora{text.substr(0, colon), static_cast<float>(*scale)} : Lora{text, 1.0F};
}

void Flags::loras(const std::string& name, const params::LoraList& type,
                  const std::function<void(const std::vector<Lora>&)>& set, const std::string& help,
                  const FlagStyle& style) {
  const auto read = [=](const Values& values) {
    std::vector<Lora> loras;
    std::string all;
    for (const std::string& value : values) {
      loras.push_back(lora_of(value));
      all += (all.empty() ? "" : " ") + value;
    }
    if (!params::accepts(type, loras)) refuse(name, all, params::describe(type));
    set(loras);
  };
  list(add(name, help, style, "", read), true);
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
          add(name, help, style, shown_default(type, now), [=](const Values& values) {
            if (!params::accepts(type, values.front())) {
              refuse(name, concat("a text of ", values.front().size(), " bytes"),
                     params::describe(type));
            }
            set(values.front());
          });
        } else if constexpr (std::is_same_v<Type, params::IntegerList>) {
          integers(name, type, set, help, style);
        } else if constexpr (std::is_same_v<Type, params::LoraList>) {
          loras(name, type, set, help, style);
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

CommandLine::CommandLine(const std::string& description, const std::string& name,
                         const std::string& version)
    : program_(std::make_unique<CLI::App>(description, name)) {
  program_->require_subcommand(1);
  program_->set_version_flag("--version", version);
  program_->get_formatter()->column_width(kHelpColumn);
}

CommandLine::~CommandLine() = default;

Flags CommandLine::command(const std::string& name, const std::string& help) {
  return Flags(*program_->add_subcommand(name, help));
}

void CommandLine::without_arguments(std::vector<std::string> arguments) {
  default_arguments_ = std::move(arguments);
}

void CommandLine::footer(const std::string& text) {
  program_->footer(text);
}

/// The command that the arguments begin with; none for a flag of the program itself.
static CLI::App* find_command(CLI::App& program, const std::vector<std::string>& arguments) {
  if (arguments.empty() || arguments.front().starts_with('-')) return nullptr;
  std::vector<std::string> names;
  for (CLI::App* command : program.get_subcommands([](const CLI::App*) { return true; })) {
    if (command->get_name() == arguments.front()) return command;
    names.push_back(command->get_name());
  }
  const std::string nearest = base::nearest_word(arguments.front(), names);
  base::fail(ErrorCode::invalid_argument, "there is no command ", json::quote(arguments.front()),
             nearest.empty() ? ", only " + base::joined(names) : "; did you mean " + nearest + "?");
}

bool CommandLine::run(int argc, char** argv) {
  std::vector<std::string> arguments(argv + std::min(argc, 1), argv + argc);
  if (arguments.empty()) arguments = default_arguments_;
  try {
    if (const CLI::App* command = find_command(*program_, arguments)) {
      const auto values =
          mark_values({arguments.begin() + 1, arguments.end()}, known_flags(*command));
      arguments.resize(1);
      arguments.insert(arguments.end(), values.begin(), values.end());
    }
    std::ranges::reverse(arguments);  // as the library wants them
    program_->parse(std::move(arguments));
    return true;
  } catch (const CLI::ParseError& error) {
    return program_->exit(error) == 0;
  }
}

}  // namespace streamdiffusion::app

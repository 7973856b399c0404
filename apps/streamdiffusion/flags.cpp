#include "flags.h"

#include <CLI/CLI.hpp>
#include <utility>

#include "base/error.h"
#include "base/parse_number.h"
#include "params/check.h"

namespace streamdiffusion::app {
namespace {

using base::concat;

constexpr std::size_t kHelpColumn = 44, kLongestShown = 80;

[[noreturn]] void refuse(const std::string& name, const std::string& found,
                         const std::string& expected) {
  throw CLI::ValidationError(
      concat(name, " is ", found.substr(0, kLongestShown), ", expected ", expected),
      CLI::ExitCodes::ValidationError);
}

template <typename T, typename Type>
T read_number(const std::string& name, const std::string& text, const Type& type) {
  const std::optional<T> value = base::parse_number<T>(text);
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
      [read = std::move(read)](const Values& values) {
        read(values);
        return true;
      },
      help);
  option.group(group_)->type_name(style.value)->default_str(default_text);
  if (!style.environment.empty()) option.envname(style.environment);
  if (style.first) option.trigger_on_parse();
  return option;
}

void Flags::list(CLI::Option& option, bool commas) {
  option.expected(1, -1)->allow_extra_args();
  if (commas) option.delimiter(',');
}

void Flags::action(const std::string& name, std::function<void(const std::string&)> read,
                   const std::string& help, const FlagStyle& style) {
  add(name, help, style, "",
      [read = std::move(read)](const Values& values) { read(values.back()); });
}

void Flags::text(const std::string& name, std::string& target, const std::string& help,
                 const FlagStyle& style) {
  FlagStyle shown_style = style;
  if (style.value.empty()) shown_style.value = "TEXT";
  add(name, help, shown_style, target, [&target](const Values& values) { target = values.back(); });
}

void Flags::texts(const std::string& name, std::vector<std::string>& target,
                  const std::string& help, const FlagStyle& style) {
  list(add(name, help, style, "", [&target](const Values& values) { target = values; }), false);
}

void Flags::choice(const std::string& name, const params::Choice& type, const std::string& now,
                   const std::function<void(const std::string&)>& set, const std::string& help) {
  add(name, help, {.value = braced(type.words)}, now, [=](const Values& values) {
    if (!params::accepts(type, values.back())) refuse(name, values.back(), params::describe(type));
    set(values.back());
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
      [=](const Values& values) { set(read_number<std::int64_t>(name, values.back(), type)); });
}

void Flags::number(const std::string& name, const params::Number& type, std::optional<double> now,
                   const std::function<void(double)>& set, const std::string& help,
                   const FlagStyle& style) {
  FlagStyle shown_style = style;
  if (style.value.empty()) shown_style.value = range(type);
  add(name, help, shown_style, shown_default(type, now),
      [=](const Values& values) { set(read_number<double>(name, values.back(), type)); });
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
    for (const std::string& value : values) {
      target.push_back(static_cast<float>(read_number<double>(name, value, type)));
    }
  };
  list(add(name, help, style, "", read), true);
}

void Flags::integers(const std::string& name, const params::IntegerList& type,
                     const std::function<void(const std::vector<int>&)>& set,
                     const std::string& help, const FlagStyle& style) {
  const auto read = [=](const Values& values) {
    std::vector<int> list;
    std::string text;
    for (const std::string& value : values) {
      text += (text.empty() ? "" : ",") + value;
      list.push_back(base::parse_number<int>(value).value_or(-1));
    }
    if (!params::accepts(type, list)) refuse(name, text, params::describe(type));
    set(list);
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
        const auto set = [&settings, set = type.member.set](const auto& v) { set(settings, v); };
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
            if (!params::accepts(type, values.back())) {
              refuse(name, concat("a text of ", values.back().size(), " bytes"),
                     params::describe(type));
            }
            set(values.back());
          });
        } else if constexpr (std::is_same_v<Type, params::IntegerList>) {
          integers(name, type, set, help, style);
        } else {
          base::fail(ErrorCode::internal, row.name, ": prompts have flags of their own");
        }
      },
      row.type);
}

void Flags::examples(const std::string& text) {
  command_->footer(text);
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

void CommandLine::footer(const std::string& text) {
  program_->footer(text);
}

bool CommandLine::run(int argc, char** argv) {
  try {
    program_->parse(argc, argv);
    return true;
  } catch (const CLI::ParseError& error) {
    return program_->exit(error) == 0;
  }
}

}  // namespace streamdiffusion::app

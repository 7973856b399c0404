// The whole command line: which command it names, and what is wrong with it.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <sstream>
#include <utility>

#include "arguments.h"
#include "base/edit_distance.h"
#include "base/error.h"
#include "base/join.h"
#include "flags.h"
#include "help_formatter.h"
#include "json/quote.h"

namespace streamdiffusion::app {
namespace {

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

std::vector<CLI::App*> commands_of(CLI::App& program) {
  return program.get_subcommands([](const CLI::App*) { return true; });
}

/// Refuses what is no flag of the program itself. A flag of a command stands behind the command.
void check_program_flag(CLI::App& program, const std::string& argument) {
  const std::string flag = argument.substr(0, argument.find('='));
  const KnownFlags known = known_flags(program);
  std::vector<std::string> commands;
  for (CLI::App* command : commands_of(program)) {
    if (known_flags(*command).flags.contains(flag)) commands.push_back(command->get_name());
  }
  base::require(known.flags.contains(flag) || commands.empty(), ErrorCode::invalid_argument, flag,
                " stands before a command, expected it behind one of ", base::joined(commands));
  mark_values({argument}, known);
}

/// The command that the arguments begin with; none for a flag of the program itself.
CLI::App* find_command(CLI::App& program, const std::vector<std::string>& arguments) {
  if (arguments.empty()) return nullptr;
  const std::string& first = arguments.front();
  if (first.size() > 1 && first.front() == '-' && first != "--") {
    check_program_flag(program, first);
    return nullptr;
  }
  std::vector<std::string> names;
  for (CLI::App* command : commands_of(program)) {
    if (command->get_name() == first) return command;
    names.push_back(command->get_name());
  }
  const std::string nearest = base::nearest_word(first, names);
  base::fail(ErrorCode::invalid_argument, "there is no command ", json::quote(first),
             nearest.empty() ? ", only " + base::joined(names) : "; did you mean " + nearest + "?");
}

}  // namespace

CommandLine::CommandLine(const std::string& description, const std::string& name,
                         const std::string& version)
    : program_(std::make_unique<CLI::App>(description, name)) {
  program_->require_subcommand(1);
  program_->set_version_flag("--version", version);
  program_->formatter(std::make_shared<HelpFormatter>());
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
    std::ostringstream printed;  // std::cout would not say why it cannot be written
    const int code = program_->exit(error, printed);
    std::fputs(printed.str().c_str(), stdout);
    return code == 0;
  }
}

}  // namespace streamdiffusion::app

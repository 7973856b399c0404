// What the parser knows of the commands, for shells that complete them.
#include <CLI/CLI.hpp>

#include "flags.h"

namespace streamdiffusion::app {

std::vector<CommandSummary> CommandLine::commands() const {
  std::vector<CommandSummary> all;
  for (const CLI::App* command : program_->get_subcommands([](CLI::App*) { return true; })) {
    CommandSummary& summary =
        all.emplace_back(CommandSummary{command->get_name(), command->get_description(), {}});
    for (const CLI::Option* option : command->get_options()) {
      CommandSummary::Flag& flag = summary.flags.emplace_back();
      for (const std::string& name : option->get_lnames()) flag.names.push_back("--" + name);
      for (const std::string& name : option->get_snames()) flag.names.push_back("-" + name);
      if (flag.names.empty()) flag.names.push_back(option->get_name());
      flag.help = option->get_description();
      if (option->get_items_expected_max() > 0) flag.value = option->get_type_name();
    }
  }
  return all;
}

}  // namespace streamdiffusion::app

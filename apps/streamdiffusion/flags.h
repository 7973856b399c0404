// The program's command line: commands and their flags. Only flags.cpp and command_line.cpp
// include the parser's header, which takes long to compile.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "params/table.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace streamdiffusion::app {

/// Thrown by a command that has nothing to do: its help is printed instead.
struct ShowHelp {};

/// What other programs want to know of a command: shells that complete it.
struct CommandSummary {
  struct Flag {
    /// "--host", "--listen"; without dashes for what stands alone.
    std::vector<std::string> names;
    std::string help;
    /// What stands for the value in the help, empty for a switch.
    std::string value;
  };
  std::string name, help;
  std::vector<Flag> flags;
};

/// What only some flags have.
struct FlagStyle {
  /// What stands for the value in the help: "DIR".
  std::string value = {};
  /// An environment variable that stands for the flag.
  std::string environment = {};
  /// Read before all other flags, wherever it stands.
  bool first = false;
  /// What a message adds where the value is empty: how to say what may have been meant.
  std::string if_empty = {};
};

/// The flags of one command. Targets must outlive the parsing. A value is text, whatever stands in
/// it. One that is empty, of the wrong type or outside its range is refused: "--delta is nan,
/// expected a number from 0 to 100".
class Flags {
 public:
  /// From here on, flags stand under this heading of the help.
  void group(const std::string& heading) { group_ = heading; }

  void text(const std::string& name, std::string& target, const std::string& help,
            const FlagStyle& style = {});
  /// Any number of values.
  void texts(const std::string& name, std::vector<std::string>& target, const std::string& help,
             const FlagStyle& style = {});
  /// One of a few words.
  void word(const std::string& name, std::string& target, std::vector<std::string> words,
            const std::string& help);
  /// The default is shown if it is in range; one outside means unset.
  template <std::integral T>
  void integer(const std::string& name, T& target, std::int64_t minimum, std::int64_t maximum,
               const std::string& help) {
    integer(
        name, {{}, minimum, maximum}, static_cast<std::int64_t>(target),
        [&target](std::int64_t value) { target = static_cast<T>(value); }, help);
  }
  /// Never infinite or NaN. The default is shown as that of an integer.
  void number(const std::string& name, double& target, double minimum, double maximum,
              const std::string& help, const FlagStyle& style = {});
  /// With commas between them.
  void numbers(const std::string& name, std::vector<float>& target, double minimum, double maximum,
               const std::string& help, const FlagStyle& style = {});
  /// "--quiet" sets true; "!--no-cache" sets false.
  void flag(const std::string& name, bool& target, const std::string& help);
  void flag(const std::string& name, const std::function<void(bool)>& set, const std::string& help);
  /// Calls `read` with the value.
  void action(const std::string& name, std::function<void(const std::string&)> read,
              const std::string& help, const FlagStyle& style = {});
  /// The flag of a row of the table.
  void parameter(const params::Parameter& row, params::Settings& settings);

  /// Printed below the flags.
  void examples(const std::string& text);
  /// The names of the flags that the user gave, once everything is parsed.
  std::set<std::string, std::less<>> given() const;
  /// What the command does, once everything is parsed.
  void run(std::function<void()> command);

 private:
  friend class CommandLine;
  using Values = std::vector<std::string>;

  explicit Flags(CLI::App& command) : command_(&command) {}
  void integer(const std::string& name, const params::Integer& type,
               std::optional<std::int64_t> now, const std::function<void(std::int64_t)>& set,
               const std::string& help);
  void number(const std::string& name, const params::Number& type, std::optional<double> now,
              const std::function<void(double)>& set, const std::string& help,
              const FlagStyle& style);
  void choice(const std::string& name, const params::Choice& type, const std::string& now,
              const std::function<void(const std::string&)>& set, const std::string& help);
  void seeds(const std::string& name, const params::SeedList& type,
             const std::function<void(const std::vector<WeightedSeed>&)>& set,
             const std::string& help, const FlagStyle& style);
  /// A list of models, each as `read_item` reads it.
  template <typename Item, typename Type>
  void models(const std::string& name, const Type& type,
              const std::function<Item(const std::string&)>& read_item,
              const std::function<void(const std::vector<Item>&)>& set, const std::string& help,
              const FlagStyle& style);
  void integers(const std::string& name, const params::IntegerList& type,
                const std::function<void(const std::vector<int>&)>& set, const std::string& help,
                const FlagStyle& style);
  CLI::Option& add(const std::string& name, const std::string& help, const FlagStyle& style,
                   const std::string& default_text, std::function<void(const Values&)> read);
  /// `each_time`: the flag may stand several times.
  void list(CLI::Option& option, bool each_time);

  CLI::App* command_;
  std::string group_ = "Options";
};

/// The whole command line.
class CommandLine {
 public:
  CommandLine(const std::string& description, const std::string& name, const std::string& version);
  ~CommandLine();
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  /// A new command.
  Flags command(const std::string& name, const std::string& help);
  /// What runs where nothing is given.
  void without_arguments(std::vector<std::string> arguments);
  /// Printed below the commands.
  void footer(const std::string& text);
  std::vector<CommandSummary> commands() const;
  /// Parses, and runs the command. Returns whether the command line could be read; prints what is
  /// wrong with it, or the help that was asked for. Passes on what the command throws.
  bool run(int argc, char** argv);

 private:
  std::unique_ptr<CLI::App> program_;
  std::vector<std::string> default_arguments_;
};

}  // namespace streamdiffusion::app

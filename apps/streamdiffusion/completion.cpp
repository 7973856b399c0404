#include "completion.h"

#include <algorithm>

#include "base/join.h"

namespace streamdiffusion::app {
namespace {

using Flag = CommandSummary::Flag;
constexpr const char* kProgram = "streamdiffusion";

/// "{auto,cpu}" -> "auto", "cpu"; empty for what is no choice.
std::vector<std::string> words_of(const Flag& flag) {
  std::vector<std::string> words;
  if (!flag.value.starts_with('{')) return words;
  std::size_t begin = 1;
  for (std::size_t end = 0; end != std::string::npos; begin = end + 1) {
    end = flag.value.find(',', begin);
    const std::size_t stop = end == std::string::npos ? flag.value.size() - 1 : end;
    words.push_back(flag.value.substr(begin, stop - begin));
  }
  return words;
}

bool is_path(const Flag& flag) {
  return std::ranges::any_of(
      std::vector<std::string_view>{"FILE", "DIR", "PATH", "INPUT", "OUTPUT", "MODEL"},
      [&](std::string_view word) { return flag.value.find(word) != std::string::npos; });
}

bool stands_alone(const Flag& flag) {
  return !flag.names.front().starts_with('-');
}

/// The help up to its first end of a sentence, without what shells read.
std::string short_help(const std::string& help) {
  std::string out;
  for (const char c : help.substr(0, help.find(';'))) {
    if (c == '\n') break;
    if (std::string_view("'\"[]\\$`:").find(c) == std::string_view::npos) out += c;
  }
  return out;
}

std::string names_of(const CommandSummary& command) {
  std::vector<std::string> names;
  for (const Flag& flag : command.flags) {
    if (!stands_alone(flag)) names.insert(names.end(), flag.names.begin(), flag.names.end());
  }
  return base::joined(names, {}, " ");
}

/// What follows a flag: its words, a file, or something that nobody can guess.
std::string bash_value(const CommandSummary& command, const Flag& flag) {
  if (flag.value.empty() || stands_alone(flag)) return {};
  std::string patterns;
  for (const std::string& name : flag.names) {
    patterns += (patterns.empty() ? "" : "|") + ('"' + command.name + ' ' + name + '"');
  }
  std::string action = "return";
  const auto words = words_of(flag);
  if (!words.empty()) {
    action =
        "COMPREPLY=($(compgen -W \"" + base::joined(words, {}, " ") + "\" -- \"$cur\")); return";
  } else if (is_path(flag)) {
    action = "COMPREPLY=($(compgen -f -- \"$cur\")); return";
  }
  return "    " + patterns + ") " + action + " ;;\n";
}

std::string bash(const std::vector<CommandSummary>& commands) {
  std::string names, values, flags;
  for (const CommandSummary& command : commands) {
    names += (names.empty() ? "" : " ") + command.name;
    for (const Flag& flag : command.flags) values += bash_value(command, flag);
    flags += "    " + command.name + ") words=\"" + names_of(command);
    for (const Flag& flag : command.flags) {
      if (!stands_alone(flag)) continue;
      for (const std::string& word : words_of(flag)) flags += ' ' + word;
    }
    flags += "\" ;;\n";
  }
  return "# bash completion of streamdiffusion; made by `streamdiffusion completion bash`\n"
         "_streamdiffusion() {\n"
         "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} words= assigned=\n"
         "  # bash makes --flag=word three words\n"
         "  if [[ $cur == = ]]; then cur= assigned=1\n"
         "  elif [[ $prev == = ]]; then prev=${COMP_WORDS[COMP_CWORD-2]} assigned=1; fi\n"
         "  if ((COMP_CWORD == 1)); then\n"
         "    COMPREPLY=($(compgen -W \"" +
         names +
         " --help --version\" -- \"$cur\"))\n"
         "    return\n  fi\n"
         "  case \"${COMP_WORDS[1]} $prev\" in\n" +
         values +
         "  esac\n"
         "  [[ -z $assigned ]] || return\n"
         "  case ${COMP_WORDS[1]} in\n" +
         flags +
         "  esac\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
         "  if [[ $cur != -* ]]; then COMPREPLY+=($(compgen -f -- \"$cur\")); fi\n"
         "}\n"
         "complete -o filenames -F _streamdiffusion streamdiffusion\n";
}

std::string zsh_argument(const Flag& flag, const std::string& name) {
  if (stands_alone(flag)) {
    const auto words = words_of(flag);
    return "'*:" + name + ":" +
           (words.empty() ? "_files" : "(" + base::joined(words, {}, " ") + ")") + "'";
  }
  std::string text = "'*" + name + "[" + short_help(flag.help) + "]";
  if (!flag.value.empty()) {
    const auto words = words_of(flag);
    text += ":value:";
    if (!words.empty()) text += "(" + base::joined(words, {}, " ") + ")";
    if (is_path(flag)) text += "_files";
  }
  return text + "'";
}

std::string zsh(const std::vector<CommandSummary>& commands) {
  std::string list, cases;
  for (const CommandSummary& command : commands) {
    list += "    '" + command.name + ":" + short_help(command.help) + "'\n";
    cases += "    " + command.name + ") _arguments";
    for (const Flag& flag : command.flags) {
      for (const std::string& name : flag.names) cases += " \\\n      " + zsh_argument(flag, name);
    }
    cases += " ;;\n";
  }
  return "#compdef streamdiffusion\n"
         "# made by `streamdiffusion completion zsh`\n"
         "_streamdiffusion() {\n"
         "  local -a commands=(\n" +
         list +
         "  )\n"
         "  if ((CURRENT == 2)); then\n    _describe command commands\n    return\n  fi\n"
         "  local command=$words[2]\n"
         "  shift words\n  ((CURRENT--))\n"
         "  case $command in\n" +
         cases +
         "  esac\n}\n"
         "if [ \"$funcstack[1]\" = _streamdiffusion ]; then _streamdiffusion \"$@\"; else compdef "
         "_streamdiffusion streamdiffusion; fi\n";
}

std::string fish_flag(const CommandSummary& command, const Flag& flag) {
  std::string line = std::string("complete -c ") + kProgram + " -n '__fish_seen_subcommand_from " +
                     command.name + "'";
  const auto words = words_of(flag);
  if (stands_alone(flag)) {
    return words.empty() ? "" : line + " -a '" + base::joined(words, {}, " ") + "'\n";
  }
  for (const std::string& name : flag.names) {
    line += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
  }
  line += " -d '" + short_help(flag.help) + "'";
  if (!flag.value.empty()) line += is_path(flag) ? " -r -F" : " -x";
  if (!words.empty()) line += " -a '" + base::joined(words, {}, " ") + "'";
  return line + "\n";
}

std::string fish(const std::vector<CommandSummary>& commands) {
  std::string text = "# made by `streamdiffusion completion fish`\n";
  for (const CommandSummary& command : commands) {
    text += std::string("complete -c ") + kProgram + " -n __fish_use_subcommand -f -a " +
            command.name + " -d '" + short_help(command.help) + "'\n";
    for (const Flag& flag : command.flags) text += fish_flag(command, flag);
  }
  return text;
}

}  // namespace

std::string completion_script(std::string_view shell, const std::vector<CommandSummary>& commands) {
  return shell == "bash" ? bash(commands) : shell == "zsh" ? zsh(commands) : fish(commands);
}

}  // namespace streamdiffusion::app

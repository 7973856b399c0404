// `streamdiffusion completion`: the script by which a shell completes the command line.
#include <cstdio>
#include <memory>

#include "base/error.h"
#include "commands.h"
#include "completion.h"

namespace streamdiffusion::app {
namespace {

constexpr const char* kCompletionExamples = R"(Examples:
  In ~/.bashrc or ~/.zshrc:
    source <(streamdiffusion completion bash)
    source <(streamdiffusion completion zsh)
  For fish:
    streamdiffusion completion fish > ~/.config/fish/completions/streamdiffusion.fish
An installed program has all three where the shells look for them.)";

}  // namespace

void add_completion_command(CommandLine& program) {
  auto shell = std::make_shared<std::string>();
  Flags flags =
      program.command("completion", "A script by which a shell completes commands and flags");
  flags.word("shell", *shell, {"bash", "zsh", "fish"}, "Your shell");
  flags.examples(kCompletionExamples);
  flags.run([shell, &program] {
    if (shell->empty()) throw ShowHelp();
    std::fputs(completion_script(*shell, program.commands()).c_str(), stdout);
  });
}

}  // namespace streamdiffusion::app

// `streamdiffusion pull`: downloads a model by its name.
#include <cstdio>
#include <memory>

#include "base/error.h"
#include "base/log.h"
#include "commands.h"
#include "flags.h"
#include "media/timing.h"
#include "model_files.h"
#include "model_files/tiny_autoencoder.h"
#include "setup.h"

namespace streamdiffusion::app {
namespace {

constexpr const char* kPullExamples = R"(Examples:
  A model of the Hugging Face hub, and the tiny autoencoder that fits it:
    streamdiffusion pull stabilityai/sd-turbo
  A branch, a tag or a commit; one file:
    streamdiffusion pull stabilityai/sd-turbo@main
    streamdiffusion pull ORG/NAME/FILE.safetensors
  A version of a model on Civitai (modelVersionId in the address of its page):
    streamdiffusion pull civitai:128713
  From a mirror; of a model whose license has to be accepted on its page first:
    HF_ENDPOINT=https://mirror.example streamdiffusion pull stabilityai/sd-turbo
    HF_TOKEN=hf_... streamdiffusion pull ORG/NAME
The last line of the output is the folder, for scripts. The same command goes on where a stopped one
ended, and fetches what is new. Models are kept where Python's huggingface_hub keeps them, and both
find what the other has downloaded: HF_HOME, HF_HUB_CACHE, HF_ENDPOINT, HF_TOKEN and HF_HUB_OFFLINE
mean the same. `streamdiffusion models` lists and removes them.)";

struct PullFlags {
  std::string name;
  hub::PullOptions options;
  bool full = false, tiny = true, offline = false, quiet = false;
};

void pull_tiny(const hub::Settings& settings, const PullFlags& flags,
               const std::filesystem::path& model, const StopSignals& signals) {
  const std::string id = model_files::tiny_autoencoder_for(model).id;
  if (id.empty()) return;
  try {
    pull_name(settings, id, flags.options, flags.quiet, &signals);
  } catch (const Error& error) {
    base::warn(error, "; the model's own autoencoder, which is slower, will be used");
  }
}

void pull(const PullFlags& flags) {
  base::require(!flags.name.empty(), ErrorCode::invalid_argument,
                "pull needs the name of a model, as stabilityai/sd-turbo");
  if (flags.quiet) base::set_log_callback(print_warnings_alone);
  StopSignals signals(media::make_stop_flag());
  signals.opened();  // a download that is stopped takes care of what has arrived
  hub::Settings settings = hub::read_settings();
  settings.offline = settings.offline || flags.offline;
  PullFlags wanted = flags;
  if (flags.full) wanted.options.precision = hub::Precision::full;
  const hub::Pulled pulled = pull_name(settings, flags.name, wanted.options, flags.quiet, &signals);
  if (flags.tiny) pull_tiny(settings, wanted, pulled.path, signals);
  print_line(pulled.path);
}

}  // namespace

void add_pull_command(CommandLine& program) {
  auto pull_flags = std::make_shared<PullFlags>();
  Flags flags = program.command("pull", "Download a model by its name");
  flags.text("name", pull_flags->name,
             "ORG/NAME[@REVISION] on the Hugging Face hub, or civitai:NUMBER", {.value = "NAME"});
  flags.flag("--full", pull_flags->full,
             "Weights in their full precision, mostly f32, where there are 16-bit ones too");
  flags.flag("!--no-tiny", pull_flags->tiny, "Without the tiny autoencoder that fits the model");
  flags.integer("--jobs", pull_flags->options.parallel, 1, 16, "Files at a time");
  flags.flag("--offline", pull_flags->offline,
             "Ask no server: say where the model is, or what is missing");
  flags.flag("--quiet", pull_flags->quiet, "No progress and no summary");
  flags.examples(kPullExamples);
  flags.run([pull_flags] { pull(*pull_flags); });
}

}  // namespace streamdiffusion::app

// `streamdiffusion info`: what a model is, and the ops of its frames.
#include <cstdio>
#include <map>
#include <memory>

#include "base/error.h"
#include "commands.h"
#include "parameter_flags.h"
#include "params/markdown.h"
#include "setup.h"
#include "streamdiffusion/streamdiffusion.h"

namespace streamdiffusion::app {
namespace {

constexpr const char* kExamples = R"(Examples:
  streamdiffusion info
  streamdiffusion info --ops
  streamdiffusion info --device cuda
  streamdiffusion info stabilityai/sd-turbo
  streamdiffusion info path/to/sd-turbo --vae path/to/taesd
  streamdiffusion info --random-weights sd-turbo)";

constexpr double kMiB = 1024.0 * 1024.0;

struct InfoFlags {
  ParameterFlags parameters;
  bool ops = false;
  /// "protocol" or "config": prints that page's table of parameters instead.
  std::string page;
};

struct Sum {
  int ops = 0;
  double flops = 0;
};

void print_sums(const std::vector<OpInfo>& ops) {
  std::map<std::string, Sum> by_stage;
  for (const OpInfo& op : ops) {
    Sum& sum = by_stage[op.stage + ", " + op.lifetime];
    ++sum.ops;
    sum.flops += op.flops;
  }
  for (const auto& [stage, sum] : by_stage) {
    std::printf("  %-24s %4d ops %10.3f GFLOP\n", stage.c_str(), sum.ops, sum.flops * 1e-9);
  }
}

void print_ops(const std::vector<OpInfo>& ops) {
  for (const OpInfo& op : ops) {
    std::printf("  %-7s %-13s %-18s %-34s %9.4f GFLOP  %s\n", op.stage.c_str(), op.lifetime.c_str(),
                op.kind.c_str(), op.implementation.c_str(), op.flops * 1e-9, op.name.c_str());
  }
}

void show(const InfoFlags& flags) {
  const params::Settings settings = flags.parameters.parsed();
  Engine engine = open_engine(settings.engine);
  const Session session = engine.session(settings.live.options);
  const EngineInfo info = engine.info();
  const std::vector<OpInfo> ops = engine.ops(session);
  std::printf("model       %s\n", info.model.c_str());
  if (!info.recipe.empty()) std::printf("recipe      %s\n", info.recipe.c_str());
  std::printf("parameters  %.2f million\n", static_cast<double>(info.parameters) * 1e-6);
  if (info.vocabulary_size > 0) std::printf("tokenizer   %d tokens\n", info.vocabulary_size);
  const KnownWords words = read_known_words(info.folder);
  if (!words.empty()) {
    std::printf("vocabulary  %zu concepts, %zu styles, %zu colors\n", words.concepts.size(),
                words.styles.size(), words.colors.size());
  }
  std::printf("latents     %d channels, 1/%d of the image's size\n", info.latent_channels,
              info.latent_factor);
  std::printf("session     %s\n", session.description().c_str());
  std::printf("device      %s on %s\n", info.dtype.c_str(), info.device.c_str());
  for (const DeviceDetail& detail : info.device_details)
    std::printf("  %-9s %s\n", detail.name.c_str(), detail.value.c_str());
  std::printf("memory      weights %.1f MiB, activations %.1f MiB, per stream %.1f MiB\n",
              static_cast<double>(info.weight_bytes) / kMiB,
              static_cast<double>(engine.arena_bytes(session)) / kMiB,
              static_cast<double>(engine.state_bytes(session)) / kMiB);
  std::printf("ops\n");
  flags.ops ? print_ops(ops) : print_sums(ops);
}

}  // namespace

void add_info_command(CommandLine& program) {
  auto info = std::make_shared<InfoFlags>();
  Flags flags = program.command("info", "What a model is, and the ops of its frames");
  flags.text("model", info->parameters.settings.engine.model, "The model, as --model",
             {.value = "DIR|NAME"});
  flags.flag("--ops", info->ops, "Every op, with the code that runs it");
  flags.word("--parameters", info->page, {"protocol", "config"},
             "Print the table of the server's parameters, or of the keys of --config, instead");
  info->parameters.add_engine(flags);
  info->parameters.add_stream(flags, false);
  flags.examples(kExamples);
  flags.run([info, flags] {
    const auto given = flags.given();
    base::require(!given.contains("model") || !given.contains("--model"),
                  ErrorCode::invalid_argument, "the model is given twice, once as --model");
    if (info->page.empty()) return show(*info);
    const bool protocol = info->page == "protocol";
    std::fputs(params::markdown(protocol ? params::Page::protocol : params::Page::config).c_str(),
               stdout);
  });
}

}  // namespace streamdiffusion::app

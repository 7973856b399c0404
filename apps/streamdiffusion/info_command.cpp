// `streamdiffusion info`: what a model is, and the ops of its frames.
#include <cmath>
#include <cstdio>
#include <map>
#include <memory>

#include "base/error.h"
#include "base/file_writer.h"
#include "base/memory.h"
#include "base/printable.h"
#include "commands.h"
#include "parameter_flags.h"
#include "params/markdown.h"
#include "setup.h"
#include "streamdiffusion/names.h"
#include "streamdiffusion/streamdiffusion.h"

namespace streamdiffusion::app {
namespace {

constexpr const char* kInfoExamples = R"(Examples:
  streamdiffusion info
  streamdiffusion info --ops
  streamdiffusion info --device cuda
  streamdiffusion info stabilityai/sd-turbo
  streamdiffusion info path/to/sd-turbo --vae path/to/taesd
  streamdiffusion info --random-weights sd-turbo
  streamdiffusion info --random-weights sdxl-turbo --width 1024 --height 1024 --memory
  streamdiffusion info --random-weights sd15 --controlnet random --memory
  streamdiffusion info --random-weights sd15 --ip-adapter random --style-image a.jpg --memory)";

struct InfoFlags {
  ParameterFlags parameters;
  bool ops = false;
  /// Prints what a session needs and reads no weights.
  bool memory = false;
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

double mib(std::size_t bytes) {
  return static_cast<double>(bytes) / kMiB;
}

/// Before any weight is read.
void print_need(const MemoryNeed& need) {
  std::printf("needs       %.1f MiB", mib(need.total()));
  if (const auto available = base::available_memory())
    std::printf(" of the %.1f MiB available", mib(*available));
  const std::string encoder =
      need.image_encoder > 0
          ? base::concat(", image encoder ", std::lround(mib(need.image_encoder)),
                         " while images are encoded")
          : "";
  std::printf(
      ": text encoders %.1f%s, UNet %.1f, autoencoder %.1f, activations %.1f,"
      " per stream %.1f, reading %.1f, program %.1f%s\n",
      mib(need.text_encoders), need.releases_text_encoders ? " (released before the UNet)" : "",
      mib(need.unet), mib(need.autoencoder), mib(need.activations), mib(need.per_stream),
      mib(need.reading), mib(need.overhead()), encoder.c_str());
  if (need.shared_calls > 0) {
    std::printf("            and up to %.1f MiB for UNet calls over several such sessions\n",
                mib(need.shared_calls));
  }
  base::check_standard_output();  // shown before the weights are read
}

/// Before any weight is read.
void print_frame_cost(const Engine& engine, const SessionOptions& options) {
  const FrameCost cost = engine.frame_cost(options);
  std::printf("a frame     %.2f GMAC: %d row%s of the UNet of %.2f, autoencoder %.2f\n",
              (cost.rows * cost.row_macs + cost.autoencoder_macs) * 1e-9, cost.rows,
              cost.rows == 1 ? "" : "s", cost.row_macs * 1e-9, cost.autoencoder_macs * 1e-9);
}

/// Before any weight is read.
void print_controlnets(const Engine& engine, const SessionOptions& options) {
  const auto settings = engine.with_defaults(options).control_settings;
  const auto costs = engine.controlnet_costs(options);
  for (std::size_t i = 0; i < costs.size(); ++i) {
    const ControlNetCost& cost = costs[i];
    const ControlSettings& net = settings[i];
    std::printf("controlnet  %s: %.0f million parameters, %s, scale %g%s\n",
                base::printable(cost.model).c_str(), static_cast<double>(cost.parameters) * 1e-6,
                name_of(kPreprocessors, net.image.preprocessor).c_str(), double{net.scale},
                net.enabled ? "" : ", off");
    std::printf(
        "            weights %.1f MiB; %.1f GMAC a row, %.0f %% of the UNet's; and %.1f a frame\n",
        mib(cost.weight_bytes), cost.row_macs * 1e-9, 100 * cost.row_macs / cost.unet_row_macs,
        cost.image_macs * 1e-9);
  }
}

/// Before any weight is read.
void print_ip_adapters(const Engine& engine, const SessionOptions& options) {
  const auto prompts = engine.with_defaults(options).image_prompts;
  const auto costs = engine.ip_adapter_costs(options);
  for (std::size_t i = 0; i < costs.size(); ++i) {
    const IpAdapterCost& cost = costs[i];
    std::printf(
        "ip-adapter  %s: %.0f million parameters, %s, scale %g, %d image%s of %d tokens%s\n",
        base::printable(cost.file).c_str(), static_cast<double>(cost.parameters) * 1e-6,
        name_of(kImageLayers, prompts[i].layers).c_str(), double{prompts[i].scale}, cost.images,
        cost.images == 1 ? "" : "s", cost.tokens, prompts[i].enabled ? "" : ", off");
    std::printf("            weights %.1f MiB; %.2f GMAC a row, %.2f %% of the UNet's\n",
                mib(cost.weight_bytes), cost.row_macs * 1e-9,
                100 * cost.row_macs / cost.unet_row_macs);
    std::printf("            encoder %.0f million parameters, %.1f MiB, %.1f GMAC an image, once\n",
                static_cast<double>(cost.encoder_parameters) * 1e-6, mib(cost.encoder_bytes),
                cost.image_macs * 1e-9);
  }
}

/// Whether sessions share calls of the UNet, and if not, why.
void print_batching(const EngineInfo& info, const std::string& why_alone) {
  if (!why_alone.empty()) {
    return void(
        std::printf("batching    off: sessions take turns, because %s\n", why_alone.c_str()));
  }
  std::printf("batching    up to %d rows of several sessions in a UNet call%s\n",
              info.batching_rows, info.batching_measures ? ", where it is measured to pay" : "");
}

void show(const InfoFlags& flags) {
  params::Settings settings = flags.parameters.parsed();
  Engine engine = open_engine(settings);
  const EngineInfo info = engine.info();
  std::printf("model       %s\n", base::printable(info.model).c_str());
  if (!info.recipe.empty()) std::printf("recipe      %s\n", base::printable(info.recipe).c_str());
  std::printf("parameters  %.2f million\n", static_cast<double>(info.parameters) * 1e-6);
  if (info.vocabulary_size > 0) std::printf("tokenizer   %d tokens\n", info.vocabulary_size);
  const KnownWords words = read_known_words(info.folder);
  if (!words.empty()) {
    std::printf("vocabulary  %zu concepts, %zu styles, %zu colors\n", words.concepts.size(),
                words.styles.size(), words.colors.size());
  }
  std::printf("latents     %d channels, 1/%d of the image's size\n", info.latent_channels,
              info.latent_factor);
  print_frame_cost(engine, settings.live.options);
  print_controlnets(engine, settings.live.options);
  print_ip_adapters(engine, settings.live.options);
  print_need(engine.memory_need(settings.live.options));
  if (flags.memory) return;
  const Session session = engine.session(settings.live.options);
  const std::vector<OpInfo> ops = engine.ops(session);
  std::printf("session     %s\n", session.description().c_str());
  std::printf("device      %s on %s\n", info.dtype.c_str(), info.device.c_str());
  for (const DeviceDetail& detail : info.device_details)
    std::printf("  %-9s %s\n", detail.name.c_str(), detail.value.c_str());
  print_batching(info, engine.why_alone(settings.live.options));
  std::printf("holds       weights %.1f MiB, activations %.1f MiB, per stream %.1f MiB\n",
              mib(engine.info().weight_bytes), mib(engine.arena_bytes(session)),
              mib(engine.state_bytes(session)));
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
  flags.flag("--memory", info->memory,
             "Stop after what a session needs in memory: read no weights");
  flags.word("--parameters", info->page, {"protocol", "config"},
             "Print the table of the server's parameters, or of the keys of --config, instead");
  info->parameters.add_engine(flags);
  info->parameters.add_stream(flags, false);
  flags.examples(kInfoExamples);
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

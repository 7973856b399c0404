// `streamdiffusion models`: what is in the cache, what it can be used for, and removing it.
#include <algorithm>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/log.h"
#include "base/printable.h"
#include "base/size_text.h"
#include "commands.h"
#include "flags.h"
#include "hub/installed.h"
#include "hub/pull.h"
#include "model_use.h"

namespace streamdiffusion::app {
namespace {

constexpr const char* kModelsExamples = R"(Examples:
  streamdiffusion models
  streamdiffusion models --json
  All of a model, or one revision of it and what no other revision uses:
    streamdiffusion models --remove stabilityai/sd-turbo
    streamdiffusion models --remove stabilityai/sd-turbo@main
The cache is that of Python's huggingface_hub: what is removed here is gone there too.)";

struct ModelsFlags {
  std::vector<std::string> remove;
  bool json = false;
};

ModelUse use_of_installed(const hub::InstalledModel& model) {
  if (!model.problem.empty()) return {"", "cannot be used: " + model.problem};
  return use_of(model.path);
}

void print_table(const hub::Installed& installed) {
  std::size_t width = 4;
  for (const hub::InstalledModel& model : installed.models)
    width = std::max(width, base::printable(model.name).size());
  const int column = static_cast<int>(width);
  for (const hub::InstalledModel& model : installed.models) {
    const ModelUse use = use_of_installed(model);
    std::printf("%-*s  %8s  %s%s%s\n", column, base::printable(model.name).c_str(),
                base::size_text(model.bytes).c_str(), use.flag.c_str(),
                use.flag.empty() ? "" : "  ", base::printable_lines(use.text).c_str());
  }
}

void print_json(const hub::Installed& installed) {
  nlohmann::json list = nlohmann::json::array();
  for (const hub::InstalledModel& model : installed.models) {
    const ModelUse use = use_of_installed(model);
    list.push_back({{"name", model.name},
                    {"path", model.path.string()},
                    {"bytes", model.bytes},
                    {"flag", use.flag},
                    {"use", use.text}});
  }
  const std::uint64_t bytes = installed.bytes + installed.civitai_bytes;
  std::printf("%s\n", nlohmann::json({{"models", list}, {"bytes", bytes}})
                          .dump(2, ' ', false, nlohmann::json::error_handler_t::replace)
                          .c_str());
}

void print_place(std::uint64_t bytes, const std::filesystem::path& place) {
  if (bytes == 0) return;
  std::fprintf(stderr, "%s in %s\n", base::size_text(bytes).c_str(),
               base::printable(place.string()).c_str());
}

void list(bool json) {
  const hub::Settings settings = hub::read_settings();
  const hub::Installed installed = hub::list_installed(settings);
  for (const std::string& problem : installed.problems) base::warn(problem);
  if (json) return print_json(installed);
  if (installed.models.empty()) {
    std::fprintf(stderr,
                 "no models in %s; the included model needs no download; `streamdiffusion pull "
                 "stabilityai/sd-turbo` gets another\n",
                 base::printable(settings.cache.string()).c_str());
    return;
  }
  print_table(installed);
  print_place(installed.bytes, settings.cache);
  print_place(installed.civitai_bytes, hub::civitai_folder(settings));
}

void remove(const std::vector<std::string>& names) {
  const hub::Settings settings = hub::read_settings();
  for (const std::string& name : names) {
    const std::uint64_t bytes = hub::remove_installed(settings, name);
    std::fprintf(stderr, "%s is removed, %s are free\n", base::printable(name).c_str(),
                 base::size_text(bytes).c_str());
  }
}

}  // namespace

void add_models_command(CommandLine& program) {
  auto models_flags = std::make_shared<ModelsFlags>();
  Flags flags = program.command("models", "List the downloaded models, or remove some");
  flags.texts("--remove", models_flags->remove, "Remove it, or this revision of it",
              {.value = "NAME[@REVISION]"});
  flags.flag("--json", models_flags->json, "The list as JSON");
  flags.examples(kModelsExamples);
  flags.run([models_flags] {
    base::require(models_flags->remove.empty() || !models_flags->json, ErrorCode::invalid_argument,
                  "--json has no effect with --remove");
    models_flags->remove.empty() ? list(models_flags->json) : remove(models_flags->remove);
  });
}

}  // namespace streamdiffusion::app

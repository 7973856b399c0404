#include "live/named_parameters.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "json/json.h"
#include "live/complete_settings.h"
#include "params/empty_note.h"
#include "settings/engine_limits.h"
#include "settings/json_schema.h"
#include "settings/set.h"

namespace streamdiffusion::live {
namespace {

constexpr json::JsonLimits kLimits{.bytes = std::size_t{1} << 20U, .values = 4096, .depth = 8};

json::Json parsed(const char* text) {
  try {
    return json::Json::parse(text == nullptr ? "{}" : text, "parameters", kLimits);
  } catch (const Error& error) {
    throw settings::ParameterError(error.what(), "");
  }
}

/// Neither of the engine nor of a command nor of the server.
bool is_of_stream(const params::Parameter& row) {
  return row.change != params::Change::engine && row.group != params::Group::run &&
         row.name != std::string_view("jpeg_quality");
}

/// Of new prompts.
void say_which_are_empty(const std::vector<WeightedPrompt>& prompts,
                         const std::vector<WeightedPrompt>& before) {
  for (const WeightedPrompt& prompt : prompts) {
    const std::string note = params::empty_note(prompt.text);
    const auto same = [&](const WeightedPrompt& old) { return old.text == prompt.text; };
    if (!note.empty() && std::ranges::none_of(before, same)) base::warn(note);
  }
}

}  // namespace

params::Settings read_engine_parameters(const char* json) {
  std::vector<params::Parameter> rows;
  std::ranges::copy_if(params::parameters(), std::back_inserter(rows),
                       [](const auto& row) { return row.change == params::Change::engine; });
  return settings::read(parsed(json), rows, {}).settings;
}

NamedParameters::NamedParameters(Engine engine, Files files)
    : engine_(std::move(engine)), files_(files), asked_(params::Settings()) {
  std::ranges::copy_if(params::parameters(), std::back_inserter(rows_), is_of_stream);
  const EngineInfo info = engine_.info();
  for (params::Parameter& row : rows_) settings::limit_to_engine(row, info);
  keep({});
}

/// A caller may change a single setting of one of them.
void NamedParameters::keep(params::Settings settings, std::uint64_t number) {
  SessionOptions& options = settings.live.options;
  const SessionOptions defaults = engine_.with_defaults({});
  if (options.lora_scales.empty()) options.lora_scales = defaults.lora_scales;
  if (options.control_settings.empty()) options.control_settings = defaults.control_settings;
  if (options.image_prompts.empty()) options.image_prompts = defaults.image_prompts;
  asked_.add(number, std::move(settings));
}

void NamedParameters::follow(const LiveSession& session) {
  asked_.follow(session.changes());
}

params::Settings NamedParameters::with(const char* json) const {
  const auto defaults = [this](const SessionOptions& options) {
    return engine_.with_defaults(options);
  };
  params::Settings next = settings::set(parsed(json), rows_, defaults, now()).settings;
  say_which_are_empty(next.live.prompts, now().live.prompts);
  for (ImagePrompt& prompt : next.live.options.image_prompts) {
    if (files_ == Files::refuse && !prompt.files.empty()) {
      throw settings::ParameterError(
          "image_prompts has a style_image, which is a file of this machine; expected scale, "
          "layers, enabled or images",
          "image_prompts");
    }
    read_image_files(prompt);
  }
  return next;
}

params::Settings NamedParameters::shown() const {
  params::Settings all = now();
  all.live = live::complete(engine_, all.live);
  settings::show_steps(all);
  return all;
}

std::string NamedParameters::schema() const {
  return settings::schema_of(rows_, settings::values_of(rows_, shown())).dump();
}

std::string NamedParameters::values() const {
  return settings::values_of(rows_, shown()).dump();
}

}  // namespace streamdiffusion::live

#include "c_api/stream_parameters.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "json/json.h"
#include "live/complete_settings.h"
#include "settings/json_schema.h"
#include "settings/set.h"

namespace streamdiffusion::c_api {
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

}  // namespace

params::Settings read_engine_parameters(const char* json) {
  std::vector<params::Parameter> rows;
  std::ranges::copy_if(params::parameters(), std::back_inserter(rows),
                       [](const auto& row) { return row.change == params::Change::engine; });
  return settings::read(parsed(json), rows, {}).settings;
}

StreamParameters::StreamParameters(Engine engine) : engine_(std::move(engine)) {
  std::ranges::copy_if(params::parameters(), std::back_inserter(rows_), is_of_stream);
}

params::Settings StreamParameters::with(const char* json) const {
  const auto defaults = [this](const SessionOptions& options) {
    return engine_.with_defaults(options);
  };
  return settings::set(parsed(json), rows_, defaults, now_).settings;
}

params::Settings StreamParameters::shown() const {
  params::Settings all = now_;
  all.live = live::complete(engine_, all.live);
  settings::show_steps(all);
  return all;
}

std::string StreamParameters::schema() const {
  return settings::schema_of(rows_, settings::values_of(rows_, shown())).dump();
}

std::string StreamParameters::values() const {
  return settings::values_of(rows_, shown()).dump();
}

}  // namespace streamdiffusion::c_api

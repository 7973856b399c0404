// The parameters of the element: before it starts they are kept, while it runs its stream has them.
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "core.h"
#include "properties.h"

namespace streamdiffusion::gst {

void Core::set(const params::Parameter& row, const GValue& value) {
  const bool engine = row.change == params::Change::engine;
  const auto running = engine ? nullptr : stream();
  std::optional<std::string> json;
  std::string refused;
  try {
    json = json_of(row, value);
    if (running && json) running->set(row.name, *json);
  } catch (const std::exception& error) {
    refused = error.what();
  }
  if (running && !refused.empty()) {
    GST_ELEMENT_WARNING(element_, LIBRARY, SETTINGS, ("%s", refused.c_str()), (nullptr));
    return;
  }
  const std::lock_guard lock(mutex_);
  refused_.erase(row.name);
  if (!refused.empty()) return void(refused_[row.name] = std::move(refused));
  Values& values = engine ? engine_values_ : stream_values_;
  json ? void(values[row.name] = *json) : void(values.erase(row.name));
}

void Core::check_values() const {
  const std::lock_guard lock(mutex_);
  if (!refused_.empty()) base::fail(ErrorCode::invalid_argument, refused_.begin()->second);
}

std::string Core::value_of(const params::Parameter& row) const {
  const bool engine = row.change == params::Change::engine;
  if (const auto running = engine ? nullptr : stream()) {
    const auto values = nlohmann::json::parse(running->values());
    return values.value(row.name, nlohmann::json()).dump();
  }
  const std::lock_guard lock(mutex_);
  const Values& values = engine ? engine_values_ : stream_values_;
  const auto found = values.find(row.name);
  return found == values.end() ? "null" : found->second;
}

}  // namespace streamdiffusion::gst

// ControlNets and their settings out of JSON.
#include "params/control.h"
#include "params/members.h"

namespace streamdiffusion::params {
namespace {

using json::Json;

/// At the one that is there, which made the conflict.
void refuse(const ControlConflict& conflict, const Json& object) {
  const Json at = conflict.options ? object.at(kPreprocessorParams) : object;
  const auto lower = at.find(conflict.lower.name);
  if (lower) lower->refuse(conflict.lower.expected);
  at.at(conflict.upper.name).refuse(conflict.upper.expected);
}

ControlSettings read_members(const Json& object, const ControlSettings& now,
                             const std::vector<std::string_view>& also) {
  std::vector<std::string_view> names = control_names();
  names.insert(names.end(), also.begin(), also.end());
  require_object(object, names);
  Settings settings{.control = now};
  read_rows(control_parameters(), object, settings);
  if (const auto options = object.find(kPreprocessorParams)) {
    require_object(*options, names_of(preprocessor_parameters()));
    read_rows(preprocessor_parameters(), *options, settings);
  }
  if (const auto conflict = conflict_of(settings.control)) refuse(*conflict, object);
  return settings.control;
}

}  // namespace

ControlSettings read_control_settings(const Json& object, const ControlSettings& now) {
  return read_members(object, now, {});
}

std::vector<ControlSettings> read_control_list(const Json& list,
                                               const std::vector<ControlSettings>& now) {
  std::vector<ControlSettings> all;
  for_each_item(list, "ControlNet", [&](const Json& object, std::size_t i) {
    all.push_back(read_control_settings(object, i < now.size() ? now[i] : ControlSettings()));
  });
  append_rest(all, now);
  return all;
}

std::vector<ControlNet> read_controlnets(const Json& list) {
  std::vector<ControlNet> nets;
  for_each_item(list, "ControlNet", [&](const Json& object, std::size_t) {
    const ControlSettings settings = read_members(object, {}, {"model_id", "model"});
    const bool forks = object.has("model_id");
    if (forks && object.has("model")) object.refuse("either \"model_id\" or \"model\"");
    nets.push_back({object.at(forks ? "model_id" : "model").string(), settings});
  });
  return nets;
}

}  // namespace streamdiffusion::params

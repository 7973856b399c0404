// What settings of a ControlNet say together.
#include <algorithm>

#include "base/error.h"
#include "params/control.h"
#include "params/members.h"
#include "streamdiffusion/names.h"

namespace streamdiffusion::params {
namespace {

constexpr std::pair<const char*, Preprocessor> kOwners[]{
    {"low_threshold", Preprocessor::canny}, {"high_threshold", Preprocessor::canny},
    {"sigma", Preprocessor::blur},          {"cell", Preprocessor::tile},
    {"gamma", Preprocessor::luminance},
};

Preprocessor owner_of(std::string_view option) {
  const auto owner =
      std::ranges::find(kOwners, option, &std::pair<const char*, Preprocessor>::first);
  base::require(owner != std::end(kOwners), ErrorCode::internal, option, " is of no preprocessor");
  return owner->second;
}

bool is_set(const Parameter& row, const ControlSettings& settings) {
  const Settings now{.control = settings}, otherwise;
  return std::visit(
      [&](const auto& type) { return type.member.get(now) != type.member.get(otherwise); },
      row.type);
}

}  // namespace

std::string why_idle(std::string_view option, Preprocessor preprocessor) {
  const Preprocessor owner = owner_of(option);
  if (owner == preprocessor || preprocessor == Preprocessor::automatic) return {};
  return base::concat(" with preprocessor ", name_of(kPreprocessors, preprocessor),
                      "; it acts with ", name_of(kPreprocessors, owner));
}

std::vector<std::string> idle_options(const ControlSettings& settings) {
  std::vector<std::string> found;
  for (const Parameter& row : preprocessor_parameters()) {
    const std::string why = why_idle(row.name, settings.image.preprocessor);
    if (!why.empty() && is_set(row, settings)) {
      found.push_back(base::concat(row.name, " has no effect", why));
    }
  }
  return found;
}

std::optional<ControlConflict> conflict_of(const ControlSettings& s) {
  if (!(s.start < s.end)) {
    return ControlConflict{.options = false,
                           .lower = {"control_guidance_start",
                                     base::concat("less than control_guidance_end, ", s.end)},
                           .upper = {"control_guidance_end",
                                     base::concat("more than control_guidance_start, ", s.start)}};
  }
  const auto [low, high] = std::pair(s.image.low_threshold, s.image.high_threshold);
  if (low <= high) return std::nullopt;
  return ControlConflict{
      .options = true,
      .lower = {"low_threshold", base::concat("at most high_threshold, ", high)},
      .upper = {"high_threshold", base::concat("at least low_threshold, ", low)}};
}

}  // namespace streamdiffusion::params

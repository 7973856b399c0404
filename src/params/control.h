// The settings of one ControlNet, by name. Their rows are a table of their own: they refer to
// Settings::control, and a list of them is one parameter of the table.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "json/json.h"
#include "params/check.h"

namespace streamdiffusion::params {

/// The member of a ControlNet that holds the values of preprocessor_parameters().
inline constexpr const char* kPreprocessorParams = "preprocessor_params";

/// The names are those of diffusers and of the original package's forks.
const std::vector<Parameter>& control_parameters();
const std::vector<Parameter>& preprocessor_parameters();
/// Those of control_parameters(), and kPreprocessorParams.
std::vector<std::string_view> control_names();

/// Whether each is in its range.
bool accepts(const ControlSettings& settings);

/// Two settings of which one must be below the other, and is not.
struct ControlConflict {
  struct Side {
    const char* name;
    /// "less than control_guidance_end, 0.3"
    std::string expected;
  };
  /// They are preprocessor_parameters().
  bool options;
  Side lower, upper;
};
std::optional<ControlConflict> conflict_of(const ControlSettings& settings);

/// " with preprocessor canny; it acts with blur": why an option of preprocessor_parameters() does
/// nothing. Empty where it acts, and where the preprocessor is not chosen yet.
std::string why_idle(std::string_view option, Preprocessor preprocessor);
/// "sigma has no effect with preprocessor canny; it acts with blur", for each option that is not as
/// by default and of another preprocessor.
std::vector<std::string> idle_options(const ControlSettings& settings);

/// An object of settings, over those that hold now. Throws corrupt_file as read_json().
ControlSettings read_control_settings(const json::Json& object, const ControlSettings& now);
/// A list of such objects, for the first of `now`; the others stay as they are. Objects behind them
/// begin with the defaults.
std::vector<ControlSettings> read_control_list(const json::Json& list,
                                               const std::vector<ControlSettings>& now);
/// A list of objects of settings with a model, "model_id" or "model".
std::vector<ControlNet> read_controlnets(const json::Json& list);

}  // namespace streamdiffusion::params

// Sets the parameters of a stream by name, as clients of the server and other programs ask for it
// in JSON.
#pragma once

#include <functional>
#include <set>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "json/json.h"
#include "params/table.h"

namespace streamdiffusion::settings {

/// A parameter that cannot be set as asked for. The message names it, what was found and what was
/// expected.
class ParameterError : public Error {
 public:
  ParameterError(const std::string& message, std::string_view parameter, bool unknown = false)
      : Error(ErrorCode::invalid_argument, message), parameter_(parameter), unknown_(unknown) {}
  /// Empty where none is at fault, such as for a text that is no object.
  const std::string& parameter() const { return parameter_; }
  /// There is no parameter of that name.
  bool unknown() const { return unknown_; }

 private:
  std::string parameter_;
  bool unknown_;
};

/// Fills in what is unset: Engine::with_defaults.
using Defaults = std::function<SessionOptions(const SessionOptions&)>;

struct Change {
  params::Settings settings;
  /// The rows that were named.
  std::set<std::string_view> named;
};

/// `now` with the members of an object set, each on its own. Throws ParameterError.
Change read(const json::Json& object, std::span<const params::Parameter> rows,
            const params::Settings& now);

/// read(), and what says the same in other words is brought together:
/// `strength` and `steps` become `t_index_list`, and a mode has a guidance and steps of its own.
/// Draws the seed where it is kDrawSeed. Throws ParameterError; `now` is as it was.
Change set(const json::Json& object, std::span<const params::Parameter> rows,
           const Defaults& with_defaults, const params::Settings& now);

/// The settings of a command line or a file, whose `steps` and `strength` become `t_index_list`.
/// Throws ParameterError for more steps than the schedule has, and for both ways at once.
params::Settings with_steps(params::Settings settings, const Defaults& with_defaults);

/// Sets `steps` and `strength` to what t_index_list says. The options have their defaults.
void show_steps(params::Settings& settings);

}  // namespace streamdiffusion::settings

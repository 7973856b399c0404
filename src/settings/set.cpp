#include "settings/set.h"

#include <algorithm>
#include <cmath>

#include "base/edit_distance.h"
#include "json/quote.h"
#include "params/read_json.h"
#include "params/seed.h"
#include "schedule/timesteps.h"

namespace streamdiffusion::settings {
namespace {

using json::Json;
using json::quote;

ParameterError unknown_parameter(std::string_view name, std::span<const params::Parameter> rows) {
  std::vector<std::string_view> names;
  for (const params::Parameter& row : rows) names.emplace_back(row.name);
  const std::string nearest = base::nearest_word(name, names);
  const std::string hint =
      nearest.empty() ? "" : base::concat("; did you mean ", quote(nearest), "?");
  return {base::concat("there is no parameter ", quote(name), hint), name, true};
}

/// Sets what is said, row by row.
void read_rows(const Json& object, std::span<const params::Parameter> rows, Change& change) {
  if (!object.is(Json::Kind::object)) {
    throw ParameterError(
        base::concat(object.where(), " is ", object.found(), ", expected an object of parameters"),
        "");
  }
  if (object.has("prompt") && object.has("prompt_list")) {
    throw ParameterError("prompt and prompt_list say the same, expected one of them", "prompt");
  }
  for (std::size_t i = 0; i < object.size(); ++i) {
    const auto [key, value] = object.member(i);
    const auto row = std::ranges::find_if(
        rows, [name = key](const params::Parameter& candidate) { return candidate.name == name; });
    if (row == rows.end()) throw unknown_parameter(key, rows);
    try {
      params::read_json(*row, value, change.settings);
    } catch (const Error& error) {
      throw ParameterError(error.what(), key);
    }
    change.named.insert(row->name);
  }
}

/// Brings together what one object asks for.
class Settling {
 public:
  Settling(Change& change, const Defaults& with_defaults, const params::Settings& now)
      : wanted_(change.settings),
        options_(wanted_.live.options),
        named_(change.named),
        with_defaults_(with_defaults),
        now_(now.live.options) {}

  void settle() {
    clear_what_is_replaced();
    check_guidance();
    const SessionOptions full = with_defaults_(options_);
    const int length = *full.num_inference_steps;
    if (named_.contains("t_index_list")) return require_inside(length);
    const int count = wanted_.steps.value_or(static_cast<int>(full.t_index_list.size()));
    if (count > length) {
      throw ParameterError(
          base::concat("steps is ", count, ", expected at most ", length, " (num_inference_steps)"),
          "steps");
    }
    spread_steps(full, count, length);
  }

 private:
  void clear_what_is_replaced() {
    if (named_.contains("timesteps")) {
      if (!named_.contains("t_index_list")) options_.t_index_list.clear();
    } else if (named_.contains("timestep_spacing") || named_.contains("num_inference_steps")) {
      options_.timesteps.clear();
    }
    if (named_.contains("seed") && !named_.contains("seed_list")) options_.seed_list.clear();
    const bool new_mode = options_.text_to_image != now_.text_to_image;
    if (new_mode && !named_.contains("t_index_list")) options_.t_index_list.clear();
  }

  void check_guidance() {
    if (!options_.text_to_image || !options_.cfg_type || !is_residual(*options_.cfg_type)) return;
    if (named_.contains("cfg_type")) {
      throw ParameterError(
          "cfg_type self and initialize need an input image, expected none or full in mode txt2img",
          "cfg_type");
    }
    options_.cfg_type = CfgType::none;
  }

  void require_inside(int length) const {
    const std::vector<int>& list = options_.t_index_list;
    if (list.back() < length) return;
    throw ParameterError(base::concat("t_index_list has ", list.back(), ", expected indices below ",
                                      length, " (num_inference_steps)"),
                         "t_index_list");
  }

  void spread_steps(const SessionOptions& full, int count, int length) {
    const bool as_many = count == static_cast<int>(full.t_index_list.size());
    const bool fits = full.t_index_list.back() < length;
    if (wanted_.strength && !options_.text_to_image) {
      const std::vector<int> list = schedule::t_index_list_for(*wanted_.strength, count, length);
      // The strength that is shown belongs to the first index; given back, it changes nothing.
      const double first = (length - 1) * (1 - *wanted_.strength);
      const bool same = fits && as_many && std::abs(first - full.t_index_list.front()) < 0.01;
      if (!same) options_.t_index_list = list;
    } else if (!as_many || !fits) {
      const SessionOptions before = with_defaults_(now_);
      const double share =
          double(full.t_index_list.front()) / std::max(*before.num_inference_steps, 1);
      const int first = fits ? full.t_index_list.front() : static_cast<int>(share * length);
      options_.t_index_list = schedule::t_index_list_from(first, count, length);
    }
  }

  params::Settings& wanted_;
  SessionOptions& options_;
  const std::set<std::string_view>& named_;
  const Defaults& with_defaults_;
  const SessionOptions& now_;
};

}  // namespace

Change read(const Json& object, std::span<const params::Parameter> rows,
            const params::Settings& now) {
  Change change{.settings = now, .named = {}};
  read_rows(object, rows, change);
  return change;
}

Change set(const Json& object, std::span<const params::Parameter> rows,
           const Defaults& with_defaults, const params::Settings& now) {
  Change change = read(object, rows, now);
  try {
    Settling(change, with_defaults, now).settle();
  } catch (const ParameterError&) {
    throw;
  } catch (const Error& error) {
    throw ParameterError(error.what(), "");
  }
  SessionOptions& options = change.settings.live.options;
  options.seed = params::resolved_seed(options.seed);
  change.settings.strength.reset();
  change.settings.steps.reset();
  return change;
}

params::Settings with_steps(params::Settings settings, const Defaults& with_defaults) {
  if (!settings.steps && !settings.strength) return settings;
  if (settings.given.contains("t_index_list")) {
    throw ParameterError("t_index_list says the steps already; leave out steps and strength",
                         "t_index_list");
  }
  Change change{.settings = settings, .named = {settings.given.begin(), settings.given.end()}};
  Settling(change, with_defaults, settings).settle();
  change.settings.steps.reset();
  change.settings.strength.reset();
  return change.settings;
}

void show_steps(params::Settings& settings) {
  const SessionOptions& options = settings.live.options;
  settings.steps = static_cast<int>(options.t_index_list.size());
  settings.strength =
      1.0 - double(options.t_index_list.front()) / std::max(*options.num_inference_steps - 1, 1);
}

}  // namespace streamdiffusion::settings

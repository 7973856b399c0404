#include "server/offered_parameters.h"

#include <algorithm>

#include "settings/engine_limits.h"

namespace streamdiffusion::server {
namespace {

/// Sizes are multiples of the autoencoder's factor, and no larger than the operator allows.
void limit_side(params::Parameter& row, int factor, int side) {
  auto& type = std::get<params::Integer>(row.type);
  type.multiple = factor;
  type.minimum = (type.minimum + factor - 1) / factor * factor;
  type.maximum = std::min<std::int64_t>(type.maximum, side) / factor * factor;
}

/// Clients choose among the models that are open instead of naming a folder.
params::Parameter model_row(const std::vector<std::string>& names) {
  params::Parameter row = params::parameter("model");
  row.type = params::Choice{std::get<params::Text>(row.type).member, {names.begin(), names.end()}};
  row.help = "One of those that are installed; another one takes seconds to open";
  row.group = params::Group::image;
  return row;
}

}  // namespace

std::vector<params::Parameter> offered_parameters(const ServedModel& info, const Limits& limits,
                                                  const std::vector<std::string>& models) {
  std::vector<params::Parameter> rows;
  for (params::Parameter row : params::parameters()) {
    const std::string_view name = row.name;
    if (name == "width" || name == "height") limit_side(row, info.factor, limits.side);
    if (name == "steps") {
      auto& type = std::get<params::Integer>(row.type);
      type.maximum = std::min<std::int64_t>(type.maximum, limits.steps);
    }
    if (name == "t_index_list" || name == "timesteps") {
      auto& type = std::get<params::IntegerList>(row.type);
      type.maximum_items = std::min(type.maximum_items, static_cast<std::size_t>(limits.steps));
    }
    if (settings::adapters_of(row, info) == 0) continue;
    settings::limit_to_engine(row, info);
    if (row.in.server) rows.push_back(std::move(row));
  }
  rows.push_back(model_row(models));
  return rows;
}

}  // namespace streamdiffusion::server

#include "session/session_options.h"

#include <utility>

#include "base/error.h"
#include "params/check.h"
#include "schedule/lcm_schedule.h"
#include "streamdiffusion/names.h"

namespace streamdiffusion::session {
namespace {

using base::ErrorCode;

void check_size(const Model& model, const SessionOptions& o) {
  const int factor = model.factor();
  for (const auto& [name, value] : {std::pair("width", *o.width), std::pair("height", *o.height)}) {
    base::require(value % factor == 0, ErrorCode::invalid_argument, name, " is ", value,
                  ", expected a multiple of ", factor, " (the autoencoder's factor)");
  }
}

/// From noise, unless the model says where: the whole schedule, in as many steps as from an input.
std::vector<int> default_t_index_list(const Model& model, const SessionOptions& o) {
  std::vector<int> from_image = model.defaults(false).t_index_list;
  if (from_image.empty()) from_image = params::fallbacks().live.options.t_index_list;
  if (!o.text_to_image) return from_image;
  const std::vector<int>& own = model.defaults(true).t_index_list;
  if (!own.empty() && own.back() < *o.num_inference_steps) return own;
  return schedule::t_index_list_for(1, static_cast<int>(from_image.size()), *o.num_inference_steps);
}

}  // namespace

SessionOptions with_defaults(const Model& opened, const SessionOptions& options) {
  const SessionOptions& model = opened.defaults(options.text_to_image);
  params::Settings settings{.live = {.options = options}};
  SessionOptions& o = settings.live.options;
  o.num_inference_steps = o.num_inference_steps ? o.num_inference_steps : model.num_inference_steps;
  if (!o.num_inference_steps) {
    o.num_inference_steps = params::fallbacks().live.options.num_inference_steps;
  }
  if (o.t_index_list.empty()) o.t_index_list = default_t_index_list(opened, o);
  params::fill(settings, {.live = {.options = model}});
  if (o.text_to_image && !o.cfg_type) o.cfg_type = CfgType::none;
  params::fill(settings, params::fallbacks());
  return o;
}

void check_options(const Model& model, const SessionOptions& o) {
  params::check(o);
  check_size(model, o);
  base::require(!o.text_to_image || !is_residual(*o.cfg_type), ErrorCode::invalid_argument,
                "cfg_type is ", name_of(kCfgTypes, *o.cfg_type),
                ", which needs an input image; from text alone use none or full");
  schedule::LcmSchedule(model.scheduler()).steps(o.t_index_list, *o.num_inference_steps);
}

}  // namespace streamdiffusion::session

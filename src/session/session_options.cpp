#include "session/session_options.h"

#include <cmath>
#include <utility>

#include "base/error.h"
#include "schedule/lcm_schedule.h"
#include "streamdiffusion/names.h"

namespace streamdiffusion::session {
namespace {

using base::ErrorCode;

constexpr int kMostSide = 16384, kMostFrames = 64, kMostSkips = 1000000;

void check_size(const Model& model, const SessionOptions& o) {
  const int factor = model.factor();
  for (const auto& [name, value] : {std::pair("width", *o.width), std::pair("height", *o.height)}) {
    base::require(value > 0 && value <= kMostSide && value % factor == 0,
                  ErrorCode::invalid_argument, name, " is ", value, ", expected a multiple of ",
                  factor, " (the autoencoder's factor) up to ", kMostSide);
  }
}

void check_filter(const SessionOptions& o) {
  const float threshold = o.similar_image_filter_threshold;
  base::require(threshold >= 0 && threshold <= 1, ErrorCode::invalid_argument,
                "similar_image_filter_threshold is ", threshold, ", expected 0..1");
  const int skips = o.similar_image_filter_max_skip_frame;
  base::require(skips >= 0 && skips <= kMostSkips, ErrorCode::invalid_argument,
                "similar_image_filter_max_skip_frame is ", skips, ", expected 0..", kMostSkips);
}

/// From noise, unless the model says where: the whole schedule, in as many steps as from an input.
std::vector<int> default_places(const Model& model, const SessionOptions& o) {
  std::vector<int> places = model.defaults(false).t_index_list;
  if (places.empty()) places = {32, 45};
  if (!o.text_to_image) return places;
  const std::vector<int>& own = model.defaults(true).t_index_list;
  if (!own.empty() && own.back() < *o.num_inference_steps) return own;
  return schedule::t_index_list_for(1.0F, static_cast<int>(places.size()), *o.num_inference_steps);
}

}  // namespace

SessionOptions with_defaults(const Model& opened, const SessionOptions& options) {
  const SessionOptions& model = opened.defaults(options.text_to_image);
  SessionOptions o = options;
  o.width = o.width ? o.width : model.width.value_or(512);
  o.height = o.height ? o.height : model.height.value_or(512);
  o.num_inference_steps =
      o.num_inference_steps ? o.num_inference_steps : model.num_inference_steps.value_or(50);
  if (o.t_index_list.empty()) o.t_index_list = default_places(opened, o);
  const CfgType plain = o.text_to_image ? CfgType::none : CfgType::self;
  o.cfg_type = o.cfg_type ? o.cfg_type : model.cfg_type.value_or(plain);
  o.guidance_scale = o.guidance_scale ? o.guidance_scale : model.guidance_scale.value_or(1.2F);
  o.delta = o.delta ? o.delta : model.delta.value_or(1.0F);
  return o;
}

void check_options(const Model& model, const SessionOptions& o) {
  check_size(model, o);
  base::require(o.frame_buffer_size >= 1 && o.frame_buffer_size <= kMostFrames,
                ErrorCode::invalid_argument, "frame_buffer_size is ", o.frame_buffer_size,
                ", expected 1..", kMostFrames);
  for (const auto& [name, value] :
       {std::pair("guidance_scale", *o.guidance_scale), std::pair("delta", *o.delta)}) {
    base::require(std::isfinite(value), ErrorCode::invalid_argument, name, " is ", value,
                  ", expected a finite number");
  }
  base::require(!o.text_to_image || !is_residual(*o.cfg_type), ErrorCode::invalid_argument,
                "cfg_type is ", name_of(kCfgTypes, *o.cfg_type),
                ", which needs an input image; from text alone use none or full");
  schedule::LcmSchedule(model.scheduler()).steps(o.t_index_list, *o.num_inference_steps);
  check_filter(o);
}

}  // namespace streamdiffusion::session

#include "session/session_options.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "base/error.h"
#include "base/join.h"
#include "params/check.h"
#include "schedule/schedule.h"
#include "session/controls.h"
#include "session/image_prompts.h"
#include "stream/frame_slots.h"
#include "stream/row_layout.h"
#include "streamdiffusion/names.h"

namespace streamdiffusion::session {
namespace {

using base::ErrorCode;

constexpr float kTcdEta = 0.3F;
/// The grid that the steps of the fallback count in.
constexpr int kUsualSteps = 50;
/// diffusers' defaults for a model that takes the guidance scale as an input.
const SessionOptions kEmbedded{.cfg_type = CfgType::none, .guidance_scale = 8.5F};

void check_size(const Model& model, const SessionOptions& o) {
  const int factor = model.factor();
  for (const auto& [name, value] : {std::pair("width", *o.width), std::pair("height", *o.height)}) {
    base::require(value % factor == 0, ErrorCode::invalid_argument, name, " is ", value,
                  ", expected a multiple of ", factor, " (the autoencoder's factor)");
  }
}

void check_cached_frames(const Model& model, const SessionOptions& o) {
  const int levels = model.unet_levels();
  base::require(o.cache_first_level < levels, ErrorCode::invalid_argument, "cache_first_level is ",
                o.cache_first_level, ", expected 0 to ", levels - 1, ": the UNet has ", levels,
                " levels");
}

const SessionOptions& fallback() {
  return params::fallbacks().live.options;
}

/// How many timesteps the grid of the model's own settings has, where they say so.
std::optional<int> grid_length(const SessionOptions& model) {
  if (model.timesteps.empty()) return model.num_inference_steps;
  return static_cast<int>(model.timesteps.size());
}

float default_eta(Scheduler scheduler) {
  return scheduler == Scheduler::tcd ? kTcdEta : *fallback().eta;
}

TimestepSpacing default_spacing(Scheduler scheduler) {
  const bool lcm = scheduler == Scheduler::lcm || scheduler == Scheduler::tcd;
  return lcm ? TimestepSpacing::lcm : TimestepSpacing::trailing;
}

/// The model's timesteps hold until the user asks for another grid, and its eta for its scheduler.
void fill_schedule(SessionOptions& o, const SessionOptions& model) {
  const Scheduler models_own = model.scheduler.value_or(*fallback().scheduler);
  const bool other_grid = o.timestep_spacing || o.num_inference_steps;
  o.scheduler = o.scheduler.value_or(models_own);
  const bool of_the_model = o.scheduler == models_own;
  if (!o.eta && of_the_model) o.eta = model.eta;
  if (!o.eta) o.eta = default_eta(*o.scheduler);
  if (o.timesteps.empty() && !other_grid) o.timesteps = model.timesteps;
  if (!o.timestep_spacing && of_the_model) o.timestep_spacing = model.timestep_spacing;
  if (!o.timestep_spacing) o.timestep_spacing = default_spacing(*o.scheduler);
  if (!o.timesteps.empty()) o.num_inference_steps = static_cast<int>(o.timesteps.size());
  if (!o.num_inference_steps) o.num_inference_steps = grid_length(model);
  if (!o.num_inference_steps) o.num_inference_steps = fallback().num_inference_steps;
}

/// The indices of a grid in one of another length, at the same shares of the way.
std::vector<int> scaled(const std::vector<int>& list, int from, int to) {
  std::vector<int> result;
  const int count = std::min(static_cast<int>(list.size()), to);
  for (int i = 0; i < count; ++i) {
    const auto index = std::int64_t{list[static_cast<std::size_t>(i)]} * to / from;
    const int least = result.empty() ? 0 : result.back() + 1;
    result.push_back(std::clamp(static_cast<int>(index), least, to - count + i));
  }
  return result;
}

/// From noise, unless the model says where: the whole schedule, in as many steps as from an input.
std::vector<int> default_t_index_list(const Model& model, const SessionOptions& o,
                                      bool own_timesteps) {
  const int length = *o.num_inference_steps;
  if (own_timesteps) {
    std::vector<int> all(static_cast<std::size_t>(length));
    std::iota(all.begin(), all.end(), 0);
    return all;
  }
  const std::optional<int> known = grid_length(model.defaults(false));
  const int before = known.value_or(*fallback().num_inference_steps);
  std::vector<int> from_image = model.defaults(false).t_index_list;
  if (from_image.empty()) from_image = scaled(fallback().t_index_list, kUsualSteps, before);
  const std::vector<int>& own = model.defaults(true).t_index_list;
  const std::vector<int>& list = o.text_to_image ? own : from_image;
  const bool fits = !list.empty() && list.back() < length;
  if (fits && (!known || before == length)) return list;
  if (!list.empty() && (known || !o.text_to_image)) return scaled(list, before, length);
  return schedule::t_index_list_for(1, std::min(static_cast<int>(from_image.size()), length),
                                    length);
}

}  // namespace

SessionOptions with_defaults(const Model& opened, const SessionOptions& options) {
  const SessionOptions& model = opened.defaults(options.text_to_image);
  params::Settings settings{.live = {.options = options}};
  SessionOptions& o = settings.live.options;
  fill_schedule(o, model);
  if (o.t_index_list.empty()) {
    o.t_index_list = default_t_index_list(opened, o, !options.timesteps.empty());
  }
  SessionOptions rest = model;
  rest.timesteps.clear();  // the user may have asked for another grid
  params::fill(settings, {.live = {.options = rest}});
  if (opened.guidance_embedding()) params::fill(settings, {.live = {.options = kEmbedded}});
  if (!o.prediction_type) o.prediction_type = opened.schedule().prediction();
  if (o.lora_scales.empty()) o.lora_scales = opened.lora_scales();
  if (o.control_settings.empty()) {
    for (const ControlNet& net : opened.controlnets()) o.control_settings.push_back(net.settings);
  }
  resolve_preprocessors(opened, o.control_settings);
  if (o.image_prompts.empty()) {
    for (const IpAdapter& adapter : opened.ip_adapters()) o.image_prompts.push_back(adapter.prompt);
  }
  if (o.text_to_image && !o.cfg_type) o.cfg_type = CfgType::none;
  params::fill(settings, params::fallbacks());
  return o;
}

stream::StreamParameters stream_parameters(const Model& model, const SessionOptions& o) {
  stream::StreamParameters parameters{
      .steps = model.schedule().steps({.scheduler = *o.scheduler,
                                       .eta = *o.eta,
                                       .timestep_spacing = *o.timestep_spacing,
                                       .num_inference_steps = *o.num_inference_steps,
                                       .timesteps = o.timesteps,
                                       .t_index_list = o.t_index_list,
                                       .prediction = *o.prediction_type}),
      .prediction = *o.prediction_type,
      .guidance_scale = *o.guidance_scale,
      .delta = *o.delta,
      .do_add_noise = o.do_add_noise,
      .seeds = {o.seeds(), o.seed_interpolation}};
  base::require(parameters.steps.front().a > 0 || !is_residual(*o.cfg_type),
                ErrorCode::invalid_argument, "cfg_type is ", name_of(kCfgTypes, *o.cfg_type),
                ", and timestep ", parameters.steps.front().timestep,
                " is noise alone (\"rescale_betas_zero_snr\"), in which it has no reference; "
                "expected a later start, none or full");
  return parameters;
}

std::string schedule_text(const SessionOptions& o) {
  const std::string scheduler =
      o.scheduler == Scheduler::lcm ? "" : name_of(kSchedulers, *o.scheduler) + "  ";
  const std::string steps = base::concat("t ", base::joined(o.t_index_list, {}, ","));
  const bool usual =
      o.timestep_spacing == TimestepSpacing::lcm && o.num_inference_steps == kUsualSteps;
  if (!o.timesteps.empty()) {
    return base::concat(scheduler, steps, " of ", base::joined(o.timesteps, {}, ","));
  }
  if (usual) return scheduler + steps;
  return base::concat(scheduler, steps, " of ", *o.num_inference_steps, " ",
                      name_of(kTimestepSpacings, *o.timestep_spacing));
}

void check_options(const Model& model, const SessionOptions& o) {
  check_control_settings(model, o);  // first: they name the net or adapter, and the setting
  check_image_prompts(model, o);
  params::check(o);
  check_size(model, o);
  base::require(o.lora_scales.size() == model.loras().size(), ErrorCode::invalid_argument,
                "lora_scales has ", o.lora_scales.size(), " entries, expected one for each of the ",
                model.loras().size(), " LoRAs");
  check_cached_frames(model, o);
  base::require(!model.guidance_embedding() || *o.cfg_type == CfgType::none,
                ErrorCode::invalid_argument, "cfg_type is ", name_of(kCfgTypes, *o.cfg_type),
                ", expected none: this model takes the guidance scale as an input");
  base::require(!o.text_to_image || !is_residual(*o.cfg_type), ErrorCode::invalid_argument,
                "cfg_type is ", name_of(kCfgTypes, *o.cfg_type),
                ", which needs an input image; from text alone use none or full");
  stream_parameters(model, o);
}

UNetKey unet_key(const SessionOptions& o) {
  const int steps = o.use_denoising_batch ? static_cast<int>(o.t_index_list.size()) : 1;
  const stream::RowLayout layout{steps, o.frame_buffer_size, *o.cfg_type};
  return {.height = *o.height,
          .width = *o.width,
          .prompts = layout.prompts(),
          .kv_rows = layout.prompt_of_row(),
          .parallel = o.parallel,
          .lora_scales = o.lora_scales,
          .controlnets = enabled_controlnets(o),
          .image_counts = image_counts(o),
          .cached = cached_frames(o)};
}

models::CachedFrames cached_frames(const SessionOptions& o) {
  if (!o.use_cached_attn) return {};
  const int calls = o.use_denoising_batch ? 1 : static_cast<int>(o.t_index_list.size());
  return {.frames = o.cache_maxframes,
          .slots = stream::FrameSlots::count(calls, o.cache_maxframes),
          .first_level = o.cache_first_level,
          .feature_injection = o.use_feature_injection};
}

}  // namespace streamdiffusion::session

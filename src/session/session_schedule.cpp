// Changes of a session's schedule: the steps change at a frame edge, their number does not.
#include "params/check.h"
#include "session/session_impl.h"
#include "session/session_options.h"

namespace streamdiffusion {

void Session::Impl::set_t_index_list(const std::vector<int>& t_index_list) {
  SessionOptions next = options_;
  next.t_index_list = t_index_list;
  use_schedule_of(next);
}

void Session::Impl::set_schedule(const SessionOptions& options) {
  SessionOptions next = options_;
  next.scheduler = options.scheduler;
  next.eta = options.eta;
  next.timestep_spacing = options.timestep_spacing;
  next.num_inference_steps = options.num_inference_steps;
  next.timesteps = options.timesteps;
  next.t_index_list = options.t_index_list;
  next = session::with_defaults(engine_->model, next);
  params::check(next);
  use_schedule_of(next);
}

void Session::Impl::use_schedule_of(const SessionOptions& next) {
  wait();
  const auto steps = session::stream_parameters(engine_->model, next).steps;
  set_parameters([&](stream::StreamParameters& parameters) { parameters.steps = steps; });
  options_ = next;
  schedule_stale_ = true;
  forget_frames();
}

}  // namespace streamdiffusion

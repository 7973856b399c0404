// What a frame, each ControlNet and each IP-Adapter cost a session, from its graphs alone.
#pragma once

#include "backend/backend.h"
#include "session/model.h"
#include "streamdiffusion/engine.h"

namespace streamdiffusion::session {

/// `options` has every default filled in and is valid.
FrameCost frame_cost(const Model& model, tensor::DType dtype, const SessionOptions& options);
/// Of each net of the model, also of those that are off. `options` has every default filled in and
/// is valid.
std::vector<ControlNetCost> control_costs(const Model& model, const backend::Device& device,
                                          tensor::DType dtype, const SessionOptions& options);
/// The same of each IP-Adapter.
std::vector<IpAdapterCost> ip_adapter_costs(const Model& model, const backend::Device& device,
                                            tensor::DType dtype, const SessionOptions& options);

}  // namespace streamdiffusion::session

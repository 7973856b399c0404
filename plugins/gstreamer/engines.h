// The engines that elements of this process use: those with equal options share one.
#pragma once

#include <memory>
#include <string>

#include "streamdiffusion/engine.h"

namespace streamdiffusion::gst {

/// `parameters` is a JSON object of parameters of the engine. Without a model: that of
/// $STREAMDIFFUSION_MODELS, or the included one. Lives as long as the result. Throws Error.
std::shared_ptr<const Engine> shared_engine(const std::string& parameters);

}  // namespace streamdiffusion::gst

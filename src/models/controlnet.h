// ControlNet: a copy of a UNet's down path that reads a control image, and adds to the UNet's
// skip connections and middle block (Zhang et al. 2023, arXiv 2302.05543; diffusers'
// ControlNetModel).
//
// The image's embedding depends on nothing but the image, so it is a graph of its own, which
// runs once for each frame. The rest is recorded into the graph of the UNet, and reads the same
// latents, timesteps and prompts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "graph/builder.h"
#include "json/json.h"
#include "models/down_path.h"
#include "models/image_io.h"
#include "models/unet_config.h"

namespace streamdiffusion::models {

struct ControlNetConfig {
  /// The down path and the middle block. What only an up path has is unset.
  UNetConfig down;
  /// Channels of the convolutions of the image's embedding; between two of them height and width
  /// are halved.
  std::vector<std::int64_t> embedding_channels{16, 32, 96, 256};
  /// The network takes blue first.
  bool bgr = false;
};

/// Reads and checks a config.json of ControlNetModel. Throws unsupported for a key or value that
/// would change the result and is not implemented, corrupt_file for an invalid one.
ControlNetConfig controlnet_config(const json::Json& config);

/// The net that a UNet's ControlNet is copied from: its down path and its middle block.
ControlNetConfig controlnet_of(const UNetConfig& unet);

/// How many times larger than its embedding, and so than the latents, the image is.
std::int64_t control_factor(const ControlNetConfig& config);
/// Residuals: one for each skip connection, and the middle block's.
std::int64_t residual_count(const ControlNetConfig& config);
/// "controlnets.0" for the first: what the names of its tensors in build_unet() begin with.
std::string controlnet_root(int index);

/// The number of the net and the name in its file of a tensor in a UNet's graph; nothing for one of
/// the UNet's own.
struct ControlNetTensor {
  std::size_t net = 0;
  std::string_view name;
};
std::optional<ControlNetTensor> controlnet_tensor(std::string_view name);

/// Throws invalid_argument, naming the first difference, unless the network's residuals fit into
/// this UNet.
void check_fits(const ControlNetConfig& config, const UNetConfig& unet);

/// Input "pixels" u8 [frames, height, width, 3], the control image in RGB. Output "control"
/// [frames, height / factor, width / factor, channels of the first level], in the activations'
/// type. Names of tensors as in the file. Throws invalid_argument for an invalid shape.
graph::Graph build_control_embedding(const ControlNetConfig& config, const ImageShape& shape);

/// Records the network into a UNet's graph behind its middle block. Replaces each of `skips` by its
/// sum with the scaled residual, and returns that of `middle`. Adds the inputs that build_unet()
/// documents.
graph::Value add_controlnet(graph::Builder& b, const ControlNetConfig& config, int index,
                            const DownPathInputs& inputs, std::vector<graph::Value>& skips,
                            graph::Value middle);

}  // namespace streamdiffusion::models

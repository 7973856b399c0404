// IP-Adapters that fit a tiny model, and their image encoder.
#pragma once

#include <string>

#include "models/ip_adapter.h"
#include "support/temporary_folder.h"
#include "support/tiny_model.h"

namespace streamdiffusion::testing {

/// Its config.json: "projection_dim" 20, "hidden_size" 32, images of 12 pixels.
extern const char* const kTinyImageEncoder;

/// Writes the folder `name` into `folder`.
void write_tiny_image_encoder(const TemporaryFolder& folder, const std::string& name);

/// An adapter for the UNet of `model` and the encoder above.
models::IpAdapterConfig tiny_ip_adapter(const TinyModel& model,
                                        models::IpAdapterConfig::Projection projection);

/// Writes the file `name` into `folder`; its hash weights are multiplied by `gain`, so that two
/// adapters differ. Tensors whose name holds `without` are left out. Returns its path.
std::string write_tiny_ip_adapter(const TinyModel& model, const TemporaryFolder& folder,
                                  const std::string& name, const models::IpAdapterConfig& config,
                                  float gain = 1, const std::string& without = "(none)");

}  // namespace streamdiffusion::testing

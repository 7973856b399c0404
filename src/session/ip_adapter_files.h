// Where the image encoder of an IP-Adapter may be, and which one fits.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace streamdiffusion::session {

/// Folders to look in, in this order, as they lie to the adapter's file.
std::vector<std::filesystem::path> image_encoder_folders(const std::filesystem::path& adapter);

/// Whether the encoder whose config.json is in `folder` gives what the adapter takes. Throws for a
/// file that is no adapter, and a config that is no encoder's.
bool image_encoder_fits(const std::string& adapter, const std::filesystem::path& folder);

}  // namespace streamdiffusion::session

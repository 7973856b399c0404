// A folder of images, one file for each.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "media/frame_sink.h"

namespace streamdiffusion::media {

/// Writes PNG files: cat.png after cat.jpg and cat-2.png after a second cat, or 000000.png,
/// 000001.png, … Numbered images of an earlier run are replaced as a whole when the new ones are
/// complete. Throws invalid_argument where it would replace what this program did not write.
std::unique_ptr<FrameSink> open_image_sink(const std::string& folder, const SinkOptions& options);

/// The images in `folder` that such a sink would replace.
std::vector<std::filesystem::path> replaced_images(
    const std::filesystem::path& folder, const std::vector<std::filesystem::path>& named_after);

/// Throws invalid_argument if one of them was not written by this program.
void refuse_others_images(const std::filesystem::path& folder,
                          const std::vector<std::filesystem::path>& named_after);

}  // namespace streamdiffusion::media

// Expands what a user writes as input (files, folders, patterns) and names the output files.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace streamdiffusion::image {

/// The files that `inputs` name, in the order of the inputs. A folder stands for its .png, .jpg
/// and .jpeg files and a pattern ("frames/*.png") for its matches, both sorted by natural_less.
/// Throws not_found naming an argument that matches nothing.
std::vector<std::filesystem::path> expand_inputs(const std::vector<std::string>& inputs);

/// The file for output `index` (from 0) of `count`. A single output goes to `output` itself if that
/// has an image's extension. Otherwise `output` is a folder of files 000000.png, 000001.png, …
std::filesystem::path output_path(const std::filesystem::path& output, std::size_t index,
                                  std::size_t count);

/// True if a sorts before b when runs of digits compare as numbers: "2.png" before "10.png".
bool natural_less(const std::string& a, const std::string& b);

}  // namespace streamdiffusion::image

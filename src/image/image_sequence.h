// What a user means by an input and an output: a file, a folder or a pattern; a file or a folder.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace streamdiffusion::image {

/// The image files of the arguments, in their order. A folder gives its images and a pattern
/// ("frames/*.png") its matches, sorted so that 2 comes before 10. Throws not_found naming what
/// matched nothing.
std::vector<std::filesystem::path> expand_inputs(const std::vector<std::string>& inputs);

/// Where output number `index` of `count` goes. One output and a name that ends in an image's
/// ending: that file. Else a folder, in which files are called 000000.png and so on.
std::filesystem::path output_path(const std::filesystem::path& output, std::size_t index,
                                  std::size_t count);

/// a < b with runs of digits compared as numbers.
bool natural_less(const std::string& a, const std::string& b);

}  // namespace streamdiffusion::image

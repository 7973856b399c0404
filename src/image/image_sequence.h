// Expands what a user writes as input (files, folders, patterns) and names the output files.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace streamdiffusion::image {

/// The files that `inputs` name, in the order of the inputs. A folder stands for its images and a
/// pattern ("frames/*") for those of its matches, both sorted by natural_less. An image is what has
/// an image's name or begins as an image does; files whose name begins with a dot are none. One
/// warning for each input says how many files were left out. A file that is named itself is taken
/// as it is; "-" stands for standard input. Throws not_found naming an argument that matches
/// nothing, io for a folder that cannot be read. Of several inputs, an image that is missing is
/// taken as well, to be named when it is read, unless all are. No inputs give no files.
std::vector<std::filesystem::path> expand_inputs(const std::vector<std::string>& inputs);

/// Throws invalid_argument for a name that is an extension alone, such as ".png": it comes from an
/// empty variable, and would become a hidden folder.
void refuse_nameless(const std::filesystem::path& output);

/// Whether `output` is meant as a folder: it is one, ends with a slash, or has no extension
/// (".5" is none). Throws invalid_argument for an extension that no image is written with.
bool is_folder_name(const std::filesystem::path& output);

/// The files for `count` outputs. A file that is named, or a stream, takes one: throws
/// invalid_argument for more. In a folder they are named after the inputs, "cat.png" for
/// "photos/cat.jpg", and numbered where two have the same name: "cat-2.png". Without inputs their
/// names are 000000.png, 000001.png, …
std::vector<std::filesystem::path> output_paths(const std::filesystem::path& output,
                                                const std::vector<std::filesystem::path>& inputs,
                                                std::size_t count);

/// A folder that is not there yet, or empty: `name`, or name-2, name-3, …
std::filesystem::path unused_folder(const std::filesystem::path& name);

/// What in `folder` is named as numbered outputs are: 000000.png, 000001.png, …
std::vector<std::filesystem::path> numbered_images(const std::filesystem::path& folder);

/// How many of those are numbered from `count`: an output of `count` images leaves them.
std::size_t numbered_leftovers(const std::filesystem::path& folder, std::size_t count);

/// The file for output `index` (from 0) of `count`. A single output goes to `output` itself if that
/// has an image's extension. Otherwise `output` is a folder of files 000000.png, 000001.png, …
std::filesystem::path output_path(const std::filesystem::path& output, std::size_t index,
                                  std::size_t count);

/// True if a sorts before b when runs of digits compare as numbers: "2.png" before "10.png".
bool natural_less(const std::string& a, const std::string& b);

}  // namespace streamdiffusion::image

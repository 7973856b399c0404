// Whether writing an output would destroy an input or another output, however they are spelled.
#pragma once

#include <filesystem>
#include <vector>

namespace streamdiffusion::base {

/// True if both paths lead to one existing file: through links, hard links, relative parts, or
/// another case where the file system ignores it. Terminals, /dev/null and other character devices
/// are never the same. "/dev/stdin" stands for what standard input was redirected from.
bool is_same_file(const std::filesystem::path& a, const std::filesystem::path& b);

/// Throws invalid_argument if writing one of `outputs` would write over one of `inputs`, naming
/// both. Of the inputs "-" is standard input. Files that do not exist are no inputs. Takes time
/// linear in the number of files.
void refuse_overwriting(const std::vector<std::filesystem::path>& inputs,
                        const std::vector<std::filesystem::path>& outputs);

/// Throws invalid_argument if two of `outputs` are one file or one stream, whether or not it exists
/// yet, naming both. Empty names are left out. /dev/null and other character devices may be given
/// several times. Takes time linear in the number of files.
void refuse_writing_twice(const std::vector<std::filesystem::path>& outputs);

}  // namespace streamdiffusion::base

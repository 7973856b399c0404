// Files that Git LFS keeps elsewhere: a clone without it holds short texts in their place.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace streamdiffusion::base {

/// Throws corrupt_file if `bytes`, of the file `name`, are a pointer of Git LFS: the message says
/// how to get the file itself.
void refuse_lfs_pointer(std::span<const std::byte> bytes, const std::string& name);

}  // namespace streamdiffusion::base

// The SHA-256 of a whole file, as the hub lists it. It is computed once: what is known of a file
// that has not changed since is kept in the user's cache.
#pragma once

#include <filesystem>
#include <string>

namespace streamdiffusion::hub {

/// 64 hexadecimal digits. A file of the hub's cache has its hash as its name there, and is not
/// read. `keep`: whether the result is read from and written to the user's cache. Throws not_found
/// or io.
std::string sha256_of_file(const std::filesystem::path& file, bool keep);

}  // namespace streamdiffusion::hub

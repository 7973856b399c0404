// The token by which the desktop remembers what the user has shared, kept in the user's cache.
#pragma once

#include <string>

namespace streamdiffusion::media {

/// Empty if there is none. Warns, in the name of the source, of one that cannot be read or is no
/// text; it counts as none: the desktop then asks.
std::string read_restore_token(const std::string& name);

/// Warns, in the name of the source, where it cannot be kept: the desktop then asks next time too.
void write_restore_token(const std::string& name, const std::string& token);

}  // namespace streamdiffusion::media

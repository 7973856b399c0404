// The folder where a user's programs keep what they can make again.
#pragma once

#include <filesystem>
#include <optional>

namespace streamdiffusion::base {

/// $XDG_CACHE_HOME/streamdiffusion, or ~/.cache/streamdiffusion. Nothing if neither is known.
std::optional<std::filesystem::path> user_cache_folder();

/// Throws io for a file that another user, other than root, has put there: where several share a
/// cache, nobody's content may become that of others.
void require_own_file(const std::filesystem::path& file);

}  // namespace streamdiffusion::base

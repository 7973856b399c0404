// Addresses of files (RFC 8089), which people paste where a path is expected.
#pragma once

#include <string>

namespace streamdiffusion::base {

/// The path that "file:a.mp4", "file:/a.mp4", "file:///a.mp4" or "file://localhost/a.mp4" names,
/// with %XX decoded; any other text as it is. Throws invalid_argument for a file of another host,
/// an invalid escape, and one without a path.
std::string path_of(const std::string& text);

}  // namespace streamdiffusion::base

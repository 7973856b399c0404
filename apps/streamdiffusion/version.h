// What --version prints.
#pragma once

#include <string>

namespace streamdiffusion::app {

/// Name and version; then the commit, where the source is a checkout, the backends and the license,
/// a line each.
std::string version_text(const std::string& program);

}  // namespace streamdiffusion::app

// What of this build computes, for people and reports of defects.
#pragma once

#include <string>
#include <vector>

namespace streamdiffusion::backend {

/// The backends that this build has, whether or not this machine can use them, each with the
/// version of the library that is linked for it: "cpu (oneDNN 2.6.0)".
std::vector<std::string> built_backends();

}  // namespace streamdiffusion::backend

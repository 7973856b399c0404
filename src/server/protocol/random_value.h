// Values that nobody can guess.
#pragma once

#include <string>

namespace streamdiffusion::server {

/// 256 random bits, in hexadecimal: 64 characters. Throws io.
std::string random_value();

}  // namespace streamdiffusion::server

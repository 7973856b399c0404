// Percent-encoding of addresses (RFC 3986, section 2.1).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace streamdiffusion::base {

/// All but A-Z a-z 0-9 - . _ ~ and the characters in `keep` as %XX.
std::string percent_encode(std::string_view text, std::string_view keep = {});

/// Decodes %XX, and '+' as a space if `form`. Returns nothing for an invalid escape.
std::optional<std::string> percent_decode(std::string_view text, bool form = false);

}  // namespace streamdiffusion::base

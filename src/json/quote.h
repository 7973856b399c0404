// Names that come out of a file are data, maybe hostile: quoted, cut and escaped before they enter
// a message.
#pragma once

#include <string>
#include <string_view>

namespace streamdiffusion::json {

/// `"name"` with control characters and quotes escaped, cut after 120 bytes (at a UTF-8 boundary).
std::string quote(std::string_view name);

/// `text` without control characters, cut after `limit` bytes.
std::string printable(std::string_view text, std::size_t limit);

}  // namespace streamdiffusion::json

// Text from a file may be hostile. It is escaped and shortened before it enters a message.
#pragma once

#include <string>
#include <string_view>

namespace streamdiffusion::json {

/// `name` in quotation marks, made printable and cut after 120 bytes.
std::string quote(std::string_view name);

/// `text` with control characters written as \xNN. After `limit` bytes (or up to three fewer, at a
/// UTF-8 boundary) it is cut and ends in "...".
std::string printable(std::string_view text, std::size_t limit);

}  // namespace streamdiffusion::json

// Text from outside, made safe for a terminal and for a log: names of files, prompts, headers of
// servers, words of models and of other libraries.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace streamdiffusion::base {

/// How many bytes the character at the start of a text takes in UTF-8: 1 to 4, or 0 where there is
/// none. `code` gets the character.
std::size_t read_utf8(std::string_view text, char32_t& code);

/// `text` with each byte as \xNN of what would act on a terminal or hide what stands there: control
/// characters (C0, with line ends and tabs, and C1), those that turn the direction of writing,
/// line and paragraph separators, and bytes that are no UTF-8. The result stays as it is.
std::string printable(std::string_view text);

/// The same for a message, in which a line end stays that two spaces follow: so messages list what
/// they name (MessageLines), and no such line can pass for one of its own.
std::string printable_lines(std::string_view text);

/// Nothing but white space of Unicode, or nothing.
bool is_blank(std::string_view text);

}  // namespace streamdiffusion::base

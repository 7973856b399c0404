// Numbers and their texts, for flags, configuration files and messages.
#pragma once

#include <charconv>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace streamdiffusion::base {

/// The value of `text` in decimal, independent of the locale. Empty if the text is no number, has
/// anything before or behind it, or does not fit T.
template <typename T>
std::optional<T> parse_number(std::string_view text) {
  T value{};
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}

/// The shortest text that is this number and no other: 1.0000000001 is not 1.
inline std::string number_text(double value) {
  char text[32];
  return {text, std::to_chars(text, std::end(text), value).ptr};
}

}  // namespace streamdiffusion::base

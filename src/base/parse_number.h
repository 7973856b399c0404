// A whole text as a number, for flags and configuration files.
#pragma once

#include <charconv>
#include <optional>
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

}  // namespace streamdiffusion::base

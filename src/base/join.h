// Lists inside messages: "one, two, three".
#pragma once

#include <array>
#include <charconv>
#include <concepts>
#include <functional>
#include <string>
#include <string_view>
#include <type_traits>

namespace streamdiffusion::base {

/// The items with `separator` between them. `text_of(item)` gives what is written for an item: a
/// text, or a number in decimal.
template <typename Range, typename TextOf = std::identity>
std::string joined(const Range& items, TextOf text_of = {}, std::string_view separator = ", ") {
  std::string list;
  bool first = true;
  for (const auto& item : items) {
    if (!first) list += separator;
    first = false;
    auto&& text = std::invoke(text_of, item);
    if constexpr (std::integral<std::remove_cvref_t<decltype(text)>>) {
      list += std::to_string(text);
    } else if constexpr (std::floating_point<std::remove_cvref_t<decltype(text)>>) {
      std::array<char, 32> digits;
      list.append(digits.data(), std::to_chars(digits.begin(), digits.end(), text).ptr);
    } else {
      list += text;
    }
  }
  return list;
}

}  // namespace streamdiffusion::base

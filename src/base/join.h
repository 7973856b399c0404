// Lists inside messages: "one, two, three".
#pragma once

#include <concepts>
#include <functional>
#include <string>
#include <string_view>
#include <type_traits>

namespace streamdiffusion::base {

/// The items with `separator` between them. `text_of(item)` gives what is written for an item: a
/// text, or an integer in decimal.
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
    } else {
      list += text;
    }
  }
  return list;
}

}  // namespace streamdiffusion::base

#pragma once

#include <functional>
#include <string>

namespace streamdiffusion::base {

/// "one, two, three": what `name` makes of each item.
template <typename Range, typename Name = std::identity>
std::string joined(const Range& items, Name name = {}) {
  std::string list;
  for (const auto& item : items) {
    if (!list.empty()) list += ", ";
    list += std::invoke(name, item);
  }
  return list;
}

}  // namespace streamdiffusion::base

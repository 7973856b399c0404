// Letters A to Z as a to z: names of files, protocols and headers, which are compared without case.
#pragma once

#include <algorithm>
#include <string>

namespace streamdiffusion::base {

/// Other bytes, those of UTF-8 among them, stay as they are, whatever the locale.
inline std::string lower_case(std::string text) {
  std::ranges::transform(text, text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return text;
}

}  // namespace streamdiffusion::base

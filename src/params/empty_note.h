// Of a prompt without text, which is legal and seldom meant.
#pragma once

#include <string>
#include <string_view>

#include "base/printable.h"

namespace streamdiffusion::params {

/// What a refusal of an empty prompt ends with.
inline constexpr const char* kNoText = "() stands for no text";

/// What a front end that takes an empty prompt says of it; nothing of one that has text.
inline std::string empty_note(std::string_view prompt) {
  return base::is_blank(prompt) ? "the prompt is empty: images are drawn without text; () says "
                                  "that it is meant"
                                : "";
}

}  // namespace streamdiffusion::params

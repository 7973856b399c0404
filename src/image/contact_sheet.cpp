// Lays scaled images out on a white sheet.
#include "image/contact_sheet.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "image/resize.h"

namespace streamdiffusion::image {
namespace {

/// Pixels between neighboring cells, and between an input and its output below.
constexpr int kGap = 6;
/// Pixels between rows.
constexpr int kRowGap = 18;
constexpr std::uint8_t kBackground = 255;

void paste(Image& sheet, const Image& image, int x, int y) {
  for (int row = 0; row < image.height; ++row) {
    std::memcpy(sheet.rgb.data() +
                    3 * (static_cast<std::size_t>(y + row) * static_cast<std::size_t>(sheet.width) +
                         static_cast<std::size_t>(x)),
                image.rgb.data() +
                    3 * static_cast<std::size_t>(row) * static_cast<std::size_t>(image.width),
                3 * static_cast<std::size_t>(image.width));
  }
}

}  // namespace

Image contact_sheet(const std::vector<Image>& inputs, const std::vector<Image>& outputs,
                    int columns, int cell) {
  base::require(!outputs.empty() && (inputs.empty() || inputs.size() == outputs.size()) &&
                    columns > 0 && cell > 0,
                base::ErrorCode::invalid_argument, "a contact sheet of ", inputs.size(),
                " inputs and ", outputs.size(), " outputs");
  const int count = static_cast<int>(outputs.size());
  const int output_offset = inputs.empty() ? 0 : cell + kGap;
  columns = std::min(columns, count);
  const int rows = (count + columns - 1) / columns;
  const int row_height = output_offset + cell + kRowGap;
  Image sheet{kGap + columns * (cell + kGap), rows * row_height + kGap, {}};
  sheet.rgb.assign(
      static_cast<std::size_t>(sheet.width) * static_cast<std::size_t>(sheet.height) * 3,
      kBackground);
  for (int i = 0; i < count; ++i) {
    const int x = kGap + i % columns * (cell + kGap), y = kGap + i / columns * row_height;
    const auto at = static_cast<std::size_t>(i);
    if (!inputs.empty()) paste(sheet, fit(inputs[at], cell, cell, Fit::contain), x, y);
    paste(sheet, fit(outputs[at], cell, cell, Fit::contain), x, y + output_offset);
  }
  return sheet;
}

}  // namespace streamdiffusion::image

#include "input_images.h"

#include <utility>

#include "base/error.h"
#include "media/still_image.h"
#include "setup.h"

namespace streamdiffusion::app {

std::optional<Image> InputImages::read(std::size_t index) {
  try {
    return media::read_still_image(paths_[index]);
  } catch (const Error& error) {
    if (paths_.size() == 1) throw;
    print_error(error.what());
    ++unreadable_;
    return std::nullopt;
  }
}

std::optional<Image> InputImages::take(std::size_t index) {
  if (index < first_index_) return std::nullopt;  // told by find_first()
  return index == first_index_ && first_ ? std::exchange(first_, std::nullopt) : read(index);
}

void InputImages::require_all_readable(const char* then) const {
  base::require(unreadable_ == 0, ErrorCode::corrupt_file, unreadable_, " of ", paths_.size(),
                " images could not be read", then);
}

}  // namespace streamdiffusion::app

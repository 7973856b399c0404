// The images that a command reads one after another. One that cannot be read is named, and the
// others are used; whether there is any is found before a model is loaded.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <vector>

#include "streamdiffusion/image.h"

namespace streamdiffusion::app {

class InputImages {
 public:
  explicit InputImages(std::vector<std::filesystem::path> paths) : paths_(std::move(paths)) {}

  const std::vector<std::filesystem::path>& paths() const { return paths_; }
  /// Reads up to the first image that can be read and keeps it. Throws what is wrong with the only
  /// one, or corrupt_file if none can be read. `stopped` is asked between two.
  template <typename Stopped>
  void find_first(const Stopped& stopped) {
    while (!first_ && first_index_ < paths_.size() && !stopped()) {
      first_ = read(first_index_);
      if (!first_) ++first_index_;
    }
    if (first_index_ == paths_.size()) require_all_readable();
  }
  /// Nothing for one that cannot be read; the only one throws. Each is taken once, in order.
  std::optional<Image> take(std::size_t index);
  /// Throws corrupt_file if some could not be read. `then` ends the message.
  void require_all_readable(const char* then = "") const;

 private:
  std::optional<Image> read(std::size_t index);

  std::vector<std::filesystem::path> paths_;
  std::optional<Image> first_;
  std::size_t first_index_ = 0, unreadable_ = 0;
};

}  // namespace streamdiffusion::app

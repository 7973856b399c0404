// Clips for the tests: frames that can be told apart after any codec, and folders that go away.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "media/frame_sink.h"
#include "media/frame_source.h"

namespace streamdiffusion::media {

/// A folder of the test's own, empty at first, removed at the end.
class Folder {
 public:
  Folder();
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

/// Frame number `index` (0..15): its number as a level of gray, with a red left and a blue right
/// quarter.
Image numbered_image(int width, int height, int index);
/// The number in the middle of the image.
int number_in(const Image& image);

/// What a source gave, to its end.
struct Seen {
  std::vector<int> numbers;
  std::vector<std::int64_t> pts;
  std::vector<std::pair<int, int>> sizes;
};
Seen read_all(FrameSource& source);

/// Writes a clip of numbered images, one at each pts, and finishes it.
void write_clip(FrameSink& sink, int width, int height, const std::vector<std::int64_t>& pts);
/// 0, 1, …, count - 1
std::vector<std::int64_t> steady(int count);

/// The message of the Error that `run` throws; a failure if there is none.
std::string error_of(const std::function<void()>& run);

}  // namespace streamdiffusion::media

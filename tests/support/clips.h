// Clips for the tests: frames that can be told apart after any codec.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "media/frame_sink.h"
#include "media/frame_source.h"
#include "support/temporary_folder.h"

namespace streamdiffusion::media {

/// The clips and stills in tests/data.
inline const std::string kData = SD_TEST_DATA_DIR "/media/";

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
/// Writes one of numbered images, ten a second, into the folder; returns its path.
std::string clip(const testing::TemporaryFolder& folder, const std::string& name, int frames,
                 int width = 64, int height = 48);
/// 0, 1, …, count - 1
std::vector<std::int64_t> steady(int count);

}  // namespace streamdiffusion::media

// Each image is written whole or not at all; a numbered set replaces an earlier one at its end.
#include "media/image_sink.h"

#include <algorithm>
#include <cctype>
#include <set>
#include <system_error>

#include "base/error.h"
#include "base/log.h"
#include "image/image_file.h"
#include "image/image_sequence.h"
#include "media/output_file.h"

namespace streamdiffusion::media {
namespace {

using base::ErrorCode;
namespace fs = std::filesystem;

/// 000000.png and the like, as image::output_path numbers them.
bool is_numbered(const fs::path& path) {
  constexpr std::size_t kDigits = 6;
  const std::string stem = path.stem().string();
  return path.extension() == ".png" && stem.size() >= kDigits &&
         std::all_of(stem.begin(), stem.end(),
                     [](unsigned char c) { return std::isdigit(c) != 0; });
}

std::vector<fs::path> numbered_images(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, ignored)) {
    if (entry.is_regular_file(ignored) && is_numbered(entry.path())) found.push_back(entry.path());
  }
  return found;
}

/// cat.png for cat.jpg, and cat-2.png for a second cat.
std::vector<std::string> output_names(const std::vector<fs::path>& inputs) {
  std::vector<std::string> outputs;
  std::set<std::string> taken;
  for (const fs::path& input : inputs) {
    const std::string stem = input.stem().string();
    std::string name = stem;
    for (int i = 2; !taken.insert(name).second; ++i) name = stem + "-" + std::to_string(i);
    outputs.push_back(name + ".png");
  }
  return outputs;
}

class ImageSink final : public FrameSink {
 public:
  ImageSink(const fs::path& folder, const SinkOptions& options)
      : folder_(folder), written_to_(folder), names_(output_names(options.named_after)) {
    if (names_.empty()) earlier_ = numbered_images(folder);
    // Inside, since the folder may be a file system of its own.
    if (!earlier_.empty()) written_to_ = part_name(folder / "unfinished");
    create_folders(written_to_);
    if (options.extras.sound()) note_ = folder.string() + ": images only; the sound is left out";
  }

  ~ImageSink() override {
    std::error_code ignored;
    if (written_.empty() && written_to_ != folder_) fs::remove(written_to_, ignored);
  }

  void write(const Image& image, std::int64_t pts, std::int64_t) override {
    const auto at = static_cast<std::size_t>(std::max<std::int64_t>(pts, 0));
    constexpr std::size_t kMany = 2;  // any count above 1 gives numbered files
    const fs::path path = at < names_.size()
                              ? written_to_ / names_[at]
                              : image::output_path(written_to_, written_.size(), kMany);
    image::write_image(path, image);
    written_.push_back(path);
  }

  void finish() override {
    if (written_to_ == folder_) return;
    for (const fs::path& old : earlier_) fs::remove(old);
    for (const fs::path& path : written_) fs::rename(path, folder_ / path.filename());
    fs::remove(written_to_);
    base::log(base::LogLevel::notice, base::concat(folder_.string(), ": ", earlier_.size(),
                                                   " images of an earlier run are replaced"));
    written_to_ = folder_;
  }
  void finish_partly() override {}

  std::string path() const override { return written_to_.string(); }
  std::string note() const override { return note_; }

 private:
  fs::path folder_, written_to_;
  std::vector<std::string> names_;
  std::vector<fs::path> earlier_, written_;
  std::string note_;
};

}  // namespace

std::vector<fs::path> replaced_images(const fs::path& folder,
                                      const std::vector<fs::path>& named_after) {
  if (named_after.empty()) return numbered_images(folder);
  std::vector<fs::path> found;
  for (const std::string& name : output_names(named_after)) found.push_back(folder / name);
  return found;
}

std::unique_ptr<FrameSink> open_image_sink(const std::string& folder, const SinkOptions& options) {
  return std::make_unique<ImageSink>(folder, options);
}

}  // namespace streamdiffusion::media

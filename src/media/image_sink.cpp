// Each image is written whole or not at all; a numbered set replaces an earlier one at its end.
#include "media/image_sink.h"

#include <algorithm>
#include <optional>
#include <system_error>

#include "base/error.h"
#include "base/file_writer.h"
#include "base/log.h"
#include "base/written_files.h"
#include "image/image_file.h"
#include "image/image_sequence.h"
#include "media/output_file.h"

namespace streamdiffusion::media {
namespace {

namespace fs = std::filesystem;

/// Named after the inputs.
std::vector<fs::path> named_images(const fs::path& folder, const std::vector<fs::path>& inputs) {
  return image::output_paths(folder / "", inputs, inputs.size());
}

class ImageSink final : public FrameSink {
 public:
  ImageSink(const fs::path& folder, const SinkOptions& options)
      : folder_(folder), written_to_(folder), names_(named_images({}, options.named_after)) {
    refuse_others_images(folder, options.named_after);
    if (names_.empty()) earlier_ = image::numbered_images(folder);
    // Inside, since the folder may be a file system of its own.
    if (!earlier_.empty()) written_to_ = part_name(folder / "unfinished");
    std::error_code ignored;
    created_ = !fs::exists(fs::symlink_status(written_to_, ignored));
    base::create_folders(written_to_);
    known_.emplace(written_to_);
    note_ = images_only_note(folder.string(), options.extras);
  }

  ~ImageSink() override {
    std::error_code ignored;
    if (written_.empty() && created_) fs::remove(written_to_, ignored);
  }

  void write(const Image& image, std::int64_t pts, std::int64_t) override {
    const auto at = static_cast<std::size_t>(std::max<std::int64_t>(pts, 0));
    constexpr std::size_t kMany = 2;  // any count above 1 gives numbered files
    const fs::path path = at < names_.size()
                              ? written_to_ / names_[at]
                              : image::output_path(written_to_, written_.size(), kMany);
    image::write_image(path, image);
    known_->add(path);
    written_.push_back(path);
  }

  void finish() override {
    if (written_to_ == folder_) return;
    known_.emplace(folder_);
    for (const fs::path& path : written_) known_->add(path);
    for (const fs::path& old : earlier_) fs::remove(old);
    for (const fs::path& path : written_) fs::rename(path, folder_ / path.filename());
    fs::remove(written_to_ / base::WrittenFiles::kListName);
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
  std::vector<fs::path> names_, earlier_, written_;
  std::optional<base::WrittenFiles> known_;
  bool created_ = false;
  std::string note_;
};

}  // namespace

std::vector<fs::path> replaced_images(const fs::path& folder,
                                      const std::vector<fs::path>& named_after) {
  return named_after.empty() ? image::numbered_images(folder) : named_images(folder, named_after);
}

void refuse_others_images(const fs::path& folder, const std::vector<fs::path>& named_after) {
  base::WrittenFiles(folder).refuse_others(replaced_images(folder, named_after));
}

std::unique_ptr<FrameSink> open_image_sink(const std::string& folder, const SinkOptions& options) {
  return std::make_unique<ImageSink>(folder, options);
}

}  // namespace streamdiffusion::media

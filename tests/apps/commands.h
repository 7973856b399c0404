// Commands that are run with a tiny model, over folders of images.
#pragma once

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "apps/program.h"
#include "base/written_files.h"
#include "image/image_file.h"
#include "support/clips.h"

namespace streamdiffusion::testing {

constexpr int kDone = 0, kFailed = 1, kUsage = 2;

class CommandsTest : public ProgramTest {
 protected:
  /// A folder of so many numbered images, none of the model's size.
  std::string images(int count) const {
    const std::string folder = folder_ / "in";
    std::filesystem::create_directories(folder);
    for (int i = 0; i < count; ++i) {
      image::write_image(folder + "/" + std::to_string(i) + ".png",
                         media::numbered_image(50 + i % 16, 30, i));
    }
    return folder;
  }
  Image read(const std::string& name) const { return image::read_image(folder_ / name); }
  bool exists(const std::string& name) const { return std::filesystem::exists(folder_ / name); }
  /// The files of a folder, whatever their names; the program's list of its own is none.
  static int files_in(const std::string& folder) {
    const std::filesystem::directory_iterator files(folder);
    return static_cast<int>(std::count_if(begin(files), end(files), [](const auto& file) {
      return file.path().filename() != base::WrittenFiles::kListName;
    }));
  }
  int run_with_model(const std::string& command, const std::vector<std::string>& flags,
                     const std::string& input = "/dev/null") {
    return run(with_model(command, flags), input);
  }
};

}  // namespace streamdiffusion::testing

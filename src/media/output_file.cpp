// rename(2) replaces a file in one step.
#include "media/output_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "base/error.h"
#include "base/file_writer.h"

namespace streamdiffusion::media {
namespace {

using base::ErrorCode;
namespace fs = std::filesystem;

/// False if there is something of that name, be it a link that leads nowhere. Where the file cannot
/// be created, opening it will say why.
bool create(const std::string& path) {
  constexpr mode_t kMode = 0666;  // less what the user masks
  const int descriptor =
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kMode);
  if (descriptor < 0) return errno != EEXIST;
  ::close(descriptor);
  return true;
}

}  // namespace

fs::path part_name(const fs::path& target) {
  const std::string stem = target.stem().string(), extension = target.extension().string();
  std::error_code ignored;
  for (int i = 1;; ++i) {
    const std::string count = i == 1 ? "" : "-" + std::to_string(i);
    fs::path path = target.parent_path() / (stem + ".part" + count + extension);
    if (!fs::exists(fs::symlink_status(path, ignored))) return path;
  }
}

OutputFile::OutputFile(const std::string& target) : target_(target), path_(target) {
  target_ = base::output_target(target_);
  base::create_folders(target_.parent_path());
  path_ = target_.string();
  std::error_code ignored;
  const fs::file_status status = fs::status(target_, ignored);
  regular_ = !fs::exists(status) || fs::is_regular_file(status);
  if (!regular_) return;
  if (fs::exists(status)) path_ = part_name(target_).string();
  while (!create(path_)) path_ = part_name(target_).string();
}

OutputFile::~OutputFile() {
  std::error_code ignored;
  if (regular_ && !kept_) fs::remove(path_, ignored);
}

void OutputFile::commit() {
  kept_ = true;
  if (!regular_ || path_ == target_.string()) return;
  std::error_code error;
  fs::rename(path_, target_, error);
  base::require(!error, ErrorCode::io, target_.string(), ": cannot be replaced by ", path_, ": ",
                error.message());
}

}  // namespace streamdiffusion::media

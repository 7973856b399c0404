// rename(2) replaces a file in one step.
#include "media/output_file.h"

#include <system_error>

#include "base/error.h"

namespace streamdiffusion::media {
namespace {

using base::ErrorCode;
namespace fs = std::filesystem;

/// The file that a link leads to: it is the one to replace, not the link.
fs::path resolved(const fs::path& path) {
  std::error_code error;
  const fs::path target = fs::weakly_canonical(path, error);
  return error || !fs::is_symlink(path) ? path : target;
}

}  // namespace

void create_folders(const fs::path& folder) {
  std::error_code error;
  if (!folder.empty()) fs::create_directories(folder, error);
  base::require(!error, ErrorCode::io, folder.string(),
                ": the folder cannot be created: ", error.message());
}

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
  create_folders(target_.parent_path());
  target_ = resolved(target_);
  std::error_code ignored;
  const fs::file_status status = fs::status(target_, ignored);
  regular_ = !fs::exists(status) || fs::is_regular_file(status);
  if (fs::is_regular_file(status)) path_ = part_name(target_).string();
}

void OutputFile::commit() {
  committed_ = true;
  if (!regular_ || path_ == target_.string()) return;
  std::error_code error;
  fs::rename(path_, target_, error);
  base::require(!error, ErrorCode::io, target_.string(), ": cannot be replaced by ", path_, ": ",
                error.message());
}

void OutputFile::discard() {
  std::error_code ignored;
  if (regular_ && !committed_) fs::remove(path_, ignored);
}

}  // namespace streamdiffusion::media

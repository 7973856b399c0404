// open(2), fstat(2) and pread(2) behind InputFile.
#include "base/input_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "base/git_lfs.h"

namespace streamdiffusion::base {
namespace {

constexpr std::size_t kLargestRead = std::size_t{1}
                                     << 30;  // Linux reads no more than 2 GiB at once

std::int64_t modified(const struct stat& info) {
  return std::int64_t{info.st_mtim.tv_sec} * 1'000'000'000 + info.st_mtim.tv_nsec;
}

}  // namespace

bool is_file(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::is_regular_file(path, ignored);
}

InputFile::InputFile(const std::filesystem::path& path)
    : path_(path), descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
  if (descriptor_ < 0) {
    const int problem = errno;
    std::error_code no_link;
    const std::filesystem::path target = std::filesystem::read_symlink(path, no_link);
    const std::string link = no_link ? "" : concat("a link to ", target.string(), ": ");
    fail(problem == ENOENT ? ErrorCode::not_found : ErrorCode::io, path.string(), ": ", link,
         std::strerror(problem));
  }
  struct stat info {};
  const bool known = ::fstat(descriptor_, &info) == 0;
  if (!known || !S_ISREG(info.st_mode)) {
    const std::string problem = known ? "not a regular file" : std::strerror(errno);
    ::close(descriptor_);
    fail(ErrorCode::io, path.string(), ": ", problem);
  }
  size_ = static_cast<std::uint64_t>(info.st_size);
  modified_ = modified(info);
}

InputFile::~InputFile() {
  ::close(descriptor_);
}

void InputFile::check_unchanged() const {
  struct stat info {};
  require(::fstat(descriptor_, &info) == 0, ErrorCode::io, path_.string(), ": ",
          std::strerror(errno));
  const auto size = static_cast<std::uint64_t>(info.st_size);
  require(size == size_, ErrorCode::io, path_.string(), ": has ", size, " bytes, and had ", size_,
          " when it was opened; expected it to stay as it is while it is in use");
  require(modified(info) == modified_, ErrorCode::io, path_.string(),
          ": was written over while it is in use; expected it to stay as it is");
}

void InputFile::read(std::uint64_t offset, std::span<std::byte> out) const {
  check_unchanged();
  while (!out.empty()) {
    const ssize_t count = ::pread(descriptor_, out.data(), std::min(out.size(), kLargestRead),
                                  static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    require(count >= 0, ErrorCode::io, path_.string(), ": ", std::strerror(errno));
    require(count > 0, ErrorCode::io, path_.string(), ": ends at byte ", offset, ", expected ",
            out.size(), " more");
    offset += static_cast<std::uint64_t>(count);
    out = out.subspan(static_cast<std::size_t>(count));
  }
  check_unchanged();
}

bool is_there(const std::filesystem::path& path) {
  std::error_code ignored;
  const auto type = std::filesystem::symlink_status(path, ignored).type();
  return type != std::filesystem::file_type::not_found;
}

std::vector<std::byte> read_file(const std::filesystem::path& path, std::uint64_t most) {
  const InputFile file(path);
  require(file.size() <= most, ErrorCode::corrupt_file, path.string(), ": ", file.size(),
          " bytes, expected at most ", most);
  std::vector<std::byte> content(file.size());
  file.read(0, content);
  refuse_lfs_pointer(content, path.string());
  return content;
}

}  // namespace streamdiffusion::base

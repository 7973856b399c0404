// open(2), write(2), fsync(2), rename(2) and flock(2).
#include "hub/partial_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "base/size_text.h"
#include "hub/api.h"

namespace streamdiffusion::hub {
namespace {

using base::ErrorCode;

constexpr mode_t kFileMode = 0666, kLockMode = 0664;
constexpr std::size_t kReadBytes = std::size_t{1} << 20;

}  // namespace

PartialFile::PartialFile(std::filesystem::path path, const RemoteFile& file,
                         const std::function<bool()>& stopped)
    : path_(std::move(path)), whole_(file.size), hasher_(file.kind, file.size) {
  descriptor_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, kFileMode);
  if (descriptor_ < 0) fail_with_errno("cannot be opened");
  struct stat info {};
  const bool known = ::fstat(descriptor_, &info) == 0;
  if (!known || !S_ISREG(info.st_mode)) {
    ::close(std::exchange(descriptor_, -1));
    base::fail(ErrorCode::io, path_.string(), ": is no regular file");
  }
  size_ = static_cast<std::uint64_t>(info.st_size);
  try {
    size_ > file.size ? restart() : hash_content(stopped);
  } catch (...) {
    ::close(std::exchange(descriptor_, -1));
    throw;
  }
}

PartialFile::~PartialFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void PartialFile::hash_content(const std::function<bool()>& stopped) {
  std::vector<std::byte> buffer(std::min<std::uint64_t>(size_, kReadBytes));
  for (std::uint64_t at = 0; at < size_;) {
    if (stopped && stopped()) throw Interrupted{};
    const ssize_t count =
        ::pread(descriptor_, buffer.data(), buffer.size(), static_cast<off_t>(at));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail_with_errno("cannot be read");
    if (count == 0) base::fail(ErrorCode::io, path_.string(), ": was cut short meanwhile");
    hasher_.update({buffer.data(), static_cast<std::size_t>(count)});
    at += static_cast<std::uint64_t>(count);
  }
  if (::lseek(descriptor_, static_cast<off_t>(size_), SEEK_SET) < 0)
    fail_with_errno("cannot be written");
}

void PartialFile::append(std::span<const std::byte> bytes) {
  const std::span<const std::byte> all = bytes;
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      const int reason = errno;
      (void)::ftruncate(descriptor_, static_cast<off_t>(size_));  // what is hashed, no more
      errno = reason;
      fail_with_errno("cannot be written");
    }
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  hasher_.update(all);
  size_ += all.size();
}

void PartialFile::restart() {
  if (::ftruncate(descriptor_, 0) != 0 || ::lseek(descriptor_, 0, SEEK_SET) < 0)
    fail_with_errno("cannot be written");
  size_ = 0;
  hasher_.reset();
}

void PartialFile::move_to(const std::filesystem::path& target) {
  // Some file systems cannot synchronize and say so.
  if (::fsync(descriptor_) != 0 && errno != EINVAL && errno != ENOTSUP)
    fail_with_errno("cannot be written");
  if (::close(std::exchange(descriptor_, -1)) != 0) fail_with_errno("cannot be written");
  if (::rename(path_.c_str(), target.c_str()) != 0) fail_with_errno("cannot be moved to its name");
}

void PartialFile::remove() {
  ::unlink(path_.c_str());
}

void PartialFile::fail_with_errno(const char* what) const {
  const int reason = errno;
  std::string more;
  if (reason == ENOSPC || reason == EDQUOT) {
    std::error_code ignored;
    const auto free = std::filesystem::space(path_.parent_path(), ignored).available;
    more = base::concat("; ", base::size_text(whole_ - std::min(whole_, size_)),
                        " of it are missing, ", ignored ? 0 : free >> 20U,
                        " MiB are free; make space (`streamdiffusion models` lists what is in the "
                        "cache) and run the command again: it continues where it stopped");
  }
  base::fail(ErrorCode::io, path_.string(), ": ", what, ": ", std::strerror(reason), more);
}

FileLock::FileLock(const std::filesystem::path& path, const std::string& what,
                   const std::function<bool()>& stopped)
    : descriptor_(::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, kLockMode)) {
  base::require(descriptor_ >= 0, ErrorCode::io, path.string(),
                ": cannot be opened: ", std::strerror(errno));
  bool told = false;
  while (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
    const int reason = errno;
    if (reason == EINTR) continue;
    if (reason == ENOTSUP || reason == ENOLCK || reason == ENOSYS) return;  // no locks there
    const bool stop = stopped && stopped();
    if (stop || reason != EWOULDBLOCK) ::close(std::exchange(descriptor_, -1));
    if (stop) throw Interrupted{};
    base::require(reason == EWOULDBLOCK, ErrorCode::io, path.string(),
                  ": cannot be locked: ", std::strerror(reason));
    if (!std::exchange(told, true)) {
      base::log(base::LogLevel::notice,
                base::concat(what, ": another program downloads it; waiting"));
    }
    std::this_thread::sleep_for(kStopPoll);
  }
}

FileLock::~FileLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace streamdiffusion::hub

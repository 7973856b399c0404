// open(2) with O_EXCL and O_NOFOLLOW, write(2), fsync(2) and rename(2).
#include "base/file_writer.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/hex.h"
#include "base/parse_number.h"

namespace streamdiffusion::base {
namespace {

namespace fs = std::filesystem;

/// The number of the open descriptor that a path stands for.
std::optional<int> descriptor_of(const fs::path& path) {
  const std::string text = path.string();
  if (text == "-" || text == "/dev/stdout") return STDOUT_FILENO;
  if (text == "/dev/stderr") return STDERR_FILENO;
  for (const std::string_view prefix : {"/dev/fd/", "/proc/self/fd/"}) {
    if (!text.starts_with(prefix)) continue;
    return parse_number<int>(std::string_view(text).substr(prefix.size()));
  }
  return std::nullopt;
}

/// For a pipe whose reader made it non-blocking.
bool wait_for_room(int descriptor) {
  pollfd room{descriptor, POLLOUT, 0};
  return ::poll(&room, 1, -1) > 0;
}

}  // namespace

std::string random_name() {
  std::array<unsigned char, 8> bytes{};
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
    fail(ErrorCode::io, "no random numbers: ", std::strerror(errno));
  return to_hex(bytes);
}

fs::path output_target(const fs::path& path) {
  constexpr int kMostLinks = 40;
  std::error_code ignored;
  fs::path target = path;
  const auto is_link = [&] { return !descriptor_of(target) && fs::is_symlink(target, ignored); };
  for (int i = 0; i < kMostLinks && is_link(); ++i)
    target = target.parent_path() / fs::read_symlink(target, ignored);
  require(!is_link(), ErrorCode::io, path.string(), ": is a link that leads in a circle");
  return target;
}

void create_folders(const fs::path& folder) {
  std::error_code error;
  const fs::path named = folder.has_filename() ? folder : folder.parent_path();  // without a "/"
  if (!named.empty()) fs::create_directories(output_target(named), error);
  require(!error, ErrorCode::io, folder.string(),
          ": the folder cannot be created: ", error.message());
}

FileWriter::FileWriter(fs::path path, Durability durability, Readers readers)
    : path_(std::move(path)), durability_(durability) {
  if (const auto open = descriptor_of(path_)) {
    std::fflush(stdout);  // what was printed before comes before
    descriptor_ = ::fcntl(*open, F_DUPFD_CLOEXEC, 0);
    if (descriptor_ < 0) fail_with_errno();
    return;
  }
  struct stat status {};
  const bool exists = ::stat(path_.c_str(), &status) == 0;
  if (exists && S_ISDIR(status.st_mode)) {
    errno = EISDIR;
    fail_with_errno();
  }
  if (exists && !S_ISREG(status.st_mode)) {
    descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY);
    if (descriptor_ < 0) fail_with_errno();
    return;
  }
  // A file that may not be written to is not replaced either.
  if (exists && ::faccessat(AT_FDCWD, path_.c_str(), W_OK, AT_EACCESS) != 0) fail_with_errno();
  open_beside(path_.parent_path(), readers);
  replaces_ = exists;
  constexpr mode_t kPermissions = 07777;
  const bool keeps = exists && readers == Readers::usual;
  if (keeps && ::fchmod(descriptor_, status.st_mode & kPermissions) != 0) fail_with_errno();
}

FileWriter::~FileWriter() {
  discard();
}

void FileWriter::open_beside(const fs::path& folder, Readers readers) {
  const mode_t mode = readers == Readers::owner ? 0600 : 0666;  // less the user's mask
  do {
    unfinished_ = folder / (".unfinished-" + random_name());
    descriptor_ =
        ::open(unfinished_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
  } while (descriptor_ < 0 && errno == EEXIST);
  if (descriptor_ >= 0) return;
  unfinished_.clear();
  fail_with_errno();
}

void FileWriter::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0 && errno == EAGAIN && wait_for_room(descriptor_)) continue;
    if (written < 0) fail_with_errno();
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

void FileWriter::finish() {
  const bool to_disk = !unfinished_.empty() && (replaces_ || durability_ == Durability::always);
  // Some file systems cannot synchronize and say so.
  if (to_disk && ::fsync(descriptor_) != 0 && errno != EINVAL && errno != ENOTSUP)
    fail_with_errno();
  if (::close(std::exchange(descriptor_, -1)) != 0) fail_with_errno();
  if (unfinished_.empty()) return;
  if (::rename(unfinished_.c_str(), path_.c_str()) != 0) fail_with_errno();
  unfinished_.clear();
}

void FileWriter::fail_with_errno() {
  const int reason = errno;
  discard();
  const std::string name = path_ == "-" ? "standard output" : path_.string();
  fail(ErrorCode::io, name, ": cannot write: ", std::strerror(reason));
}

void FileWriter::discard() noexcept {
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
  if (!unfinished_.empty()) ::unlink(unfinished_.c_str());
  unfinished_.clear();
}

void write_file(const fs::path& path, std::span<const std::byte> bytes, Durability durability,
                Readers readers) {
  FileWriter writer(path, durability, readers);
  writer.write(bytes);
  writer.finish();
}

void write_file(const fs::path& path, std::string_view text, Durability durability,
                Readers readers) {
  write_file(path, std::as_bytes(std::span(text)), durability, readers);
}

void check_writable(const fs::path& path) {
  if (!is_stream(path)) FileWriter(output_target(path), Durability::replacing);
}

void check_creatable(const fs::path& path) {
  std::error_code ignored;
  fs::path above = fs::absolute(output_target(path)).parent_path();
  if (is_stream(path) || fs::is_directory(above, ignored)) return check_writable(path);
  while (!fs::exists(above, ignored) && above.has_relative_path()) above = above.parent_path();
  require(fs::is_directory(above, ignored), ErrorCode::io, above.string(),
          ": is a file, expected a folder");
  require(::access(above.c_str(), W_OK) == 0, ErrorCode::io, above.string(),
          ": no folder can be made there: ", std::strerror(errno));
}

bool is_standard_output(const fs::path& path) {
  return descriptor_of(path) == STDOUT_FILENO;
}

bool is_stream(const fs::path& path) {
  std::error_code ignored;
  const fs::file_status status = fs::status(path, ignored);
  return descriptor_of(path).has_value() ||
         (fs::exists(status) && !fs::is_regular_file(status) && !fs::is_directory(status));
}

void check_standard_output() {
  const bool failed_before = std::ferror(stdout) != 0;
  errno = 0;
  const bool flushed = std::fflush(stdout) == 0;
  require(flushed && !failed_before, ErrorCode::io, "standard output: cannot write",
          errno != 0 ? ": " : "", errno != 0 ? std::strerror(errno) : "");
}

void buffer_standard_output() {
  static std::array<char, std::size_t{1} << 16> buffer;
  if (::isatty(STDOUT_FILENO) == 0) std::setvbuf(stdout, buffer.data(), _IOFBF, buffer.size());
}

void occupy_standard_descriptors() {
  for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(descriptor, F_GETFD) >= 0 || errno != EBADF) continue;
    // The wrong way around, so that reading and writing fail as on a closed one.
    const int opened = ::open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY);
    if (opened >= 0 && opened != descriptor) ::close(opened);
  }
}

}  // namespace streamdiffusion::base

// The list grows by one line for each file, so that what a killed program leaves is known too.
#include "base/written_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/file_writer.h"
#include "base/input_file.h"
#include "base/join.h"
#include "base/log.h"
#include "base/percent_encode.h"

namespace streamdiffusion::base {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kLongestList = std::uint64_t{1} << 28;
constexpr std::string_view kHeader =
    "# Files that streamdiffusion wrote here, and may replace: bytes, time, name\n";

/// Empty for what is no file.
std::string line_of(const fs::path& file) {
  struct stat status {};
  if (::lstat(file.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return {};
  char time[48];
  std::snprintf(time, sizeof time, "%lld.%09ld", static_cast<long long>(status.st_mtim.tv_sec),
                static_cast<long>(status.st_mtim.tv_nsec));
  return concat(status.st_size, " ", time, " ", percent_encode(file.filename().string()));
}

std::unordered_set<std::string> lines_in(std::span<const std::byte> bytes) {
  std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  std::unordered_set<std::string> lines;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    lines.emplace(line);
    text.remove_prefix(std::min(text.size(), line.size() + 1));
  }
  return lines;
}

}  // namespace

WrittenFiles::WrittenFiles(fs::path folder)
    : folder_(std::move(folder)), list_(folder_ / kListName) {
  read_list();
}

void WrittenFiles::read_list() {
  std::error_code ignored;
  if (!fs::is_regular_file(fs::symlink_status(list_, ignored))) return;
  try {
    lines_.merge(lines_in(read_file(list_, kLongestList)));
  } catch (const Error& error) {
    warn(error.what(), "; so no file there counts as written by this program");
  }
}

bool WrittenFiles::owns(const fs::path& name) const {
  if (lines_.empty()) return false;
  const std::string line = line_of(folder_ / name.filename());
  return !line.empty() && lines_.contains(line);
}

void WrittenFiles::refuse_others(const std::vector<fs::path>& names) const {
  constexpr std::size_t kNamed = 3;
  std::vector<std::string> others;
  std::error_code ignored;
  for (const fs::path& name : names) {
    const fs::path file = folder_ / name.filename();
    if (fs::exists(fs::symlink_status(file, ignored)) && !owns(name))
      others.push_back(file.filename().string());
  }
  const std::size_t count = others.size();
  std::sort(others.begin(), others.end());
  others.resize(std::min(count, kNamed));
  require(count == 0, ErrorCode::invalid_argument, folder_.empty() ? "." : folder_.string(),
          ": holds ", joined(others), count > kNamed ? ", …" : "",
          count > 1 ? concat(" (", count, " files)") : "",
          ", which this program did not write there, or which changed since, and "
          "would replace; give another folder, or move ",
          count > 1 ? "them" : "it", " away");
}

/// Whole, with the lines that still hold.
void WrittenFiles::begin_list() {
  std::error_code error;
  const auto kind = fs::symlink_status(list_, error).type();
  require(kind == fs::file_type::regular || kind == fs::file_type::not_found, ErrorCode::io,
          list_.string(), ": is no regular file");
  read_list();  // another run may have written there too
  std::string kept(kHeader);
  if (!lines_.empty()) {
    for (fs::directory_iterator entry(folder_.empty() ? "." : folder_, error), end;
         !error && entry != end; entry.increment(error)) {
      const std::string line = line_of(entry->path());
      if (!line.empty() && lines_.contains(line)) kept += line + '\n';
    }
  }
  write_file(list_, kept);
}

void WrittenFiles::append(const std::string& line) const {
  const int descriptor =
      ::open(list_.c_str(), O_WRONLY | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  const bool written = descriptor >= 0 && ::write(descriptor, line.data(), line.size()) ==
                                              static_cast<ssize_t>(line.size());
  const int problem = errno;
  if (descriptor >= 0) ::close(descriptor);
  require(written, ErrorCode::io, list_.string(), ": ", std::strerror(problem));
}

void WrittenFiles::add(const fs::path& file) {
  const std::string line = line_of(file);
  if (line.empty()) return;
  try {
    if (!std::exchange(begun_, true)) begin_list();
    append(line + '\n');
    lines_.insert(line);
  } catch (const Error& error) {
    if (!std::exchange(warned_, true))
      warn(error.what(), "; so a later run will not replace the files written now");
  }
}

}  // namespace streamdiffusion::base

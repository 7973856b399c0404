// Files are compared by device and inode, the one name that a file has only once.
#include "base/same_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <map>
#include <optional>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/file_writer.h"

namespace streamdiffusion::base {
namespace {

using Identity = std::pair<dev_t, ino_t>;

/// Nothing for a file that does not exist, and for one that cannot be written over.
std::optional<Identity> identity_of(const std::filesystem::path& path) {
  struct stat status {};
  bool exists = ::stat(path.c_str(), &status) == 0;
  if (!exists) {  // "new/../a" leads to a file once the folder "new" is made
    std::error_code error;
    const auto made = std::filesystem::weakly_canonical(path, error);
    exists = !error && ::stat(made.c_str(), &status) == 0;
  }
  if (!exists || S_ISCHR(status.st_mode)) return std::nullopt;
  return Identity{status.st_dev, status.st_ino};
}

}  // namespace

bool is_same_file(const std::filesystem::path& a, const std::filesystem::path& b) {
  const std::optional<Identity> first = identity_of(a);
  return first && first == identity_of(b);
}

void refuse_overwriting(const std::vector<std::filesystem::path>& inputs,
                        const std::vector<std::filesystem::path>& outputs) {
  std::map<Identity, const std::filesystem::path*> known;
  for (const std::filesystem::path& input : inputs) {
    const auto identity = identity_of(input == "-" ? "/dev/stdin" : input);
    if (identity) known.emplace(*identity, &input);
  }
  for (const std::filesystem::path& output : outputs) {
    const auto identity = identity_of(output);
    const auto found = identity ? known.find(*identity) : known.end();
    if (found == known.end()) continue;
    const std::filesystem::path& input = *found->second;
    const std::string also = input == output ? "" : ", " + input.string();
    fail(ErrorCode::invalid_argument, output.string(), ": is also the input", also,
         "; give another output");
  }
}

namespace {

/// One text for all the names of an output: of a file that exists, its identity; of another, its
/// path without links. Nothing for a device.
std::optional<std::string> output_key(const std::filesystem::path& output,
                                      std::map<std::string, std::filesystem::path>& folders) {
  struct stat status {};
  const bool standard = is_standard_output(output);
  const bool exists =
      standard ? ::fstat(STDOUT_FILENO, &status) == 0 : ::stat(output.c_str(), &status) == 0;
  if (standard && !(exists && S_ISREG(status.st_mode))) return "standard output";
  if (exists) {
    if (S_ISCHR(status.st_mode)) return std::nullopt;
    return concat("file ", status.st_dev, " ", status.st_ino);
  }
  std::error_code ignored;
  const std::filesystem::path target = output_target(output);
  const std::filesystem::path folder = std::filesystem::absolute(target, ignored).parent_path();
  const auto [known, added] = folders.try_emplace(folder.string());
  if (added) known->second = std::filesystem::weakly_canonical(folder, ignored);
  return (known->second / target.filename()).string();
}

}  // namespace

void refuse_writing_twice(const std::vector<std::filesystem::path>& outputs) {
  std::map<std::string, const std::filesystem::path*> known;
  std::map<std::string, std::filesystem::path> folders;
  for (const std::filesystem::path& output : outputs) {
    const auto key = output.empty() ? std::nullopt : output_key(output, folders);
    if (!key) continue;
    const auto [first, added] = known.try_emplace(*key, &output);
    if (added) continue;
    const std::string also = output == *first->second ? "" : ", as " + first->second->string();
    fail(ErrorCode::invalid_argument, output.string(), ": would be written twice", also,
         "; give another output");
  }
}

}  // namespace streamdiffusion::base

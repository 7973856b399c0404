// Files are compared by device and inode, the one name that a file has only once.
#include "base/same_file.h"

#include <sys/stat.h>

#include <map>
#include <optional>
#include <utility>

#include "base/error.h"

namespace streamdiffusion::base {
namespace {

using Identity = std::pair<dev_t, ino_t>;

/// Nothing for a file that does not exist, and for one that cannot be written over.
std::optional<Identity> identity_of(const std::filesystem::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0 || S_ISCHR(status.st_mode)) return std::nullopt;
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
    if (const auto identity = identity_of(input)) known.emplace(*identity, &input);
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

}  // namespace streamdiffusion::base

#include "hub/links.h"

#include <algorithm>

#include "base/error.h"

namespace streamdiffusion::hub {
namespace {

namespace fs = std::filesystem;

bool begins_with(const fs::path& path, const fs::path& root) {
  return !root.empty() &&
         std::mismatch(root.begin(), root.end(), path.begin(), path.end()).first == root.end();
}

}  // namespace

LinksOut::LinksOut(const fs::path& cache, const fs::path& repository) : cache_(cache) {
  std::error_code ignored;  // empty where there is none: then nothing is in it
  real_cache_ = fs::canonical(cache, ignored);
  real_repository_ = fs::canonical(repository, ignored);
}

bool LinksOut::is_inside(const fs::path& path) const {
  std::error_code error;
  const fs::path real = fs::weakly_canonical(fs::absolute(path, error), error);
  return !error && (begins_with(real, real_cache_) || begins_with(real, real_repository_));
}

std::vector<fs::path> LinksOut::find(const fs::path& path) const {
  std::error_code error;
  if (fs::symlink_status(path, error).type() == fs::file_type::not_found) return {};
  if (!is_inside(path)) return {path};
  std::vector<fs::path> found;
  if (!fs::is_directory(path, error)) return found;
  for (auto it = fs::recursive_directory_iterator(path, error);
       !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
    std::error_code ignored;
    if (it->is_symlink(ignored) && !is_inside(it->path())) found.push_back(it->path());
  }
  return found;
}

void LinksOut::refuse(const fs::path& path) const {
  const std::vector<fs::path> found = find(path);
  if (found.empty()) return;
  std::error_code no_link;
  const fs::path target = fs::read_symlink(found.front(), no_link);
  base::fail(base::ErrorCode::io, found.front().string(), ": ",
             no_link ? std::string("lies") : "is a link to " + target.string() + ",",
             " outside of the cache ", cache_.string(),
             ", and nothing is read through it; expected a link to a blob of its repository, which "
             "`streamdiffusion pull` makes");
}

}  // namespace streamdiffusion::hub

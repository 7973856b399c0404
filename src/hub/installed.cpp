// Walks the cache's folders. Links are read and never followed when something is removed.
#include "hub/installed.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/hub_folder.h"
#include "hub/cache.h"
#include "hub/links.h"
#include "hub/pull.h"
#include "json/quote.h"

namespace streamdiffusion::hub {
namespace {

namespace fs = std::filesystem;
using base::ErrorCode;

std::string id_of(const fs::path& folder) {
  return base::hub_repository(folder.filename().string());
}

/// Of all regular files below, each once. Links count nothing.
std::uint64_t bytes_on_disk(const fs::path& folder) {
  std::uint64_t bytes = 0;
  std::error_code error;
  for (auto it = fs::recursive_directory_iterator(folder, error);
       !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
    std::error_code ignored;
    if (it->is_symlink(ignored) || !it->is_regular_file(ignored)) continue;
    const std::uintmax_t size = it->file_size(ignored);
    if (!ignored) bytes += size;
  }
  return bytes;
}

/// Of the files of a snapshot, through their links.
std::uint64_t bytes_of_snapshot(const fs::path& snapshot, std::vector<std::string>& problems) {
  std::uint64_t bytes = 0;
  std::error_code error;
  for (auto it = fs::recursive_directory_iterator(snapshot, error);
       !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
    std::error_code ignored;
    if (it->is_directory(ignored)) continue;
    const std::uintmax_t size = fs::file_size(it->path(), ignored);
    if (ignored) {
      problems.push_back(it->path().string() + ": " + ignored.message());
    } else {
      bytes += size;
    }
  }
  return bytes;
}

std::vector<fs::path> folders_in(const fs::path& folder) {
  std::vector<fs::path> folders;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    std::error_code ignored;
    if (entry.is_directory(ignored)) folders.push_back(entry.path());
  }
  std::ranges::sort(folders);
  return folders;
}

/// The revisions that are known, by commit; "main" is first among those of one.
std::multimap<std::string, std::string> references(const fs::path& repository) {
  std::multimap<std::string, std::string> by_commit;
  const fs::path refs = repository / "refs";
  std::vector<std::string> names;
  std::error_code error;
  for (auto it = fs::recursive_directory_iterator(refs, error);
       !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
    std::error_code ignored;
    if (it->is_regular_file(ignored)) names.push_back(it->path().lexically_relative(refs).string());
  }
  std::ranges::sort(names, {},
                    [](const std::string& name) { return std::pair(name != "main", name); });
  const Settings settings{.cache = repository.parent_path(), .own_cache = {}};
  const CachedRepository cached(settings, id_of(repository));
  for (const std::string& name : names) {
    if (const auto commit = cached.commit_of(name)) by_commit.emplace(*commit, name);
  }
  return by_commit;
}

std::string problem_of(const LinksOut& links, const fs::path& path) {
  try {
    links.refuse(path);
    return {};
  } catch (const Error& error) {
    return error.what();
  }
}

void list_repository(const fs::path& repository, Installed& installed) {
  const auto names = references(repository);
  const auto snapshots = folders_in(repository / "snapshots");
  const LinksOut links(repository.parent_path(), repository);
  if (snapshots.empty()) {  // a download that was stopped
    installed.models.push_back({.name = id_of(repository),
                                .path = repository / "snapshots",
                                .bytes = bytes_on_disk(repository)});
  }
  for (const fs::path& snapshot : snapshots) {
    const std::string commit = snapshot.filename().string();
    const auto found = names.find(commit);
    RepositoryName name{.id = id_of(repository), .file = {}, .revision = commit};
    if (found != names.end()) name.revision = found->second;
    std::string problem = problem_of(links, snapshot);
    const std::uint64_t bytes =
        problem.empty() ? bytes_of_snapshot(snapshot, installed.problems) : bytes_on_disk(snapshot);
    installed.models.push_back(
        {.name = to_string(name), .path = snapshot, .bytes = bytes, .problem = std::move(problem)});
  }
}

/// Throws busy if a file of the repository is being downloaded.
void refuse_while_locked(const Settings& settings, const fs::path& repository) {
  std::error_code ignored;
  const fs::path locks = settings.cache / ".locks" / repository.filename();
  for (const auto& entry : fs::directory_iterator(locks, ignored)) {
    const int descriptor = ::open(entry.path().c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (descriptor < 0) continue;
    const bool is_free = ::flock(descriptor, LOCK_EX | LOCK_NB) == 0;
    ::close(descriptor);
    base::require(is_free, ErrorCode::busy, id_of(repository),
                  ": another program downloads files of it; nothing is removed");
  }
}

void remove_tree(const fs::path& path) {
  std::error_code error;
  fs::remove_all(path, error);
  base::require(!error, ErrorCode::io, path.string(), ": cannot be removed: ", error.message());
}

/// The blobs that the links of a folder name.
std::set<std::string> linked_blobs(const fs::path& folder) {
  std::set<std::string> blobs;
  std::error_code error;
  for (auto it = fs::recursive_directory_iterator(folder, error);
       !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
    std::error_code ignored;
    if (it->is_symlink(ignored))
      blobs.insert(fs::read_symlink(it->path(), ignored).filename().string());
  }
  return blobs;
}

void remove_revision(const fs::path& repository, const std::string& commit) {
  for (const auto& [known, name] : references(repository)) {
    if (known == commit) remove_tree(repository / "refs" / name);
  }
  const fs::path snapshot = repository / "snapshots" / commit;
  const std::set<std::string> own = linked_blobs(snapshot);
  remove_tree(snapshot);
  const std::set<std::string> others = linked_blobs(repository / "snapshots");
  for (const std::string& blob : own) {
    if (!others.contains(blob)) remove_tree(repository / "blobs" / blob);
  }
}

std::uint64_t remove_repository(const Settings& settings, const RepositoryName& name, bool all) {
  base::require(name.file.empty(), ErrorCode::invalid_argument, to_string(name),
                ": only whole repositories and revisions are removed, expected ", name.id);
  const CachedRepository cached(settings, name.id);
  std::error_code ignored;
  base::require(fs::is_directory(cached.folder(), ignored), ErrorCode::not_found, name.id,
                ": is not in ", settings.cache.string());
  refuse_while_locked(settings, cached.folder());
  const std::uint64_t before = bytes_on_disk(cached.folder());
  const auto snapshots = folders_in(cached.folder() / "snapshots");
  if (!all) {
    const auto commit = cached.commit_of(name.revision);
    const bool there = commit && fs::is_directory(cached.snapshot(*commit), ignored);
    base::require(there, ErrorCode::not_found, to_string(name), ": that revision is not in ",
                  settings.cache.string());
    if (snapshots.size() > 1) {
      remove_revision(cached.folder(), *commit);
      return before - bytes_on_disk(cached.folder());
    }
  }
  remove_tree(cached.folder());
  remove_tree(settings.cache / ".locks" / cached.folder().filename());
  return before;
}

}  // namespace

Installed list_installed(const Settings& settings) {
  Installed installed;
  for (const fs::path& folder : folders_in(settings.cache)) {
    if (id_of(folder).empty()) continue;
    try {
      list_repository(folder, installed);
    } catch (const Error& error) {
      installed.problems.emplace_back(error.what());
    }
    installed.bytes += bytes_on_disk(folder);
  }
  for (const fs::path& folder : folders_in(civitai_folder(settings))) {
    installed.civitai_bytes += bytes_on_disk(folder);
    const std::string version = folder.filename().string();
    try {
      const auto file = find_civitai(settings, version);
      std::error_code ignored;
      if (file) {
        installed.models.push_back(
            {.name = "civitai:" + version, .path = *file, .bytes = fs::file_size(*file, ignored)});
      }
    } catch (const Error& error) {
      installed.problems.emplace_back(error.what());
    }
  }
  std::ranges::sort(installed.models, {}, &InstalledModel::name);
  return installed;
}

std::uint64_t remove_installed(const Settings& settings, const std::string& name) {
  if (const auto version = parse_civitai_version(name)) {
    const fs::path folder = civitai_folder(settings) / *version;
    std::error_code ignored;
    base::require(fs::is_directory(folder, ignored), ErrorCode::not_found, name, ": is not in ",
                  settings.own_cache.string());
    const std::uint64_t bytes = bytes_on_disk(folder);
    remove_tree(folder);
    return bytes;
  }
  const auto repository = parse_repository_name(name);
  base::require(repository.has_value(), ErrorCode::invalid_argument, json::quote(name),
                " is no name of a model, expected ORG/NAME[@REVISION] or civitai:NUMBER");
  return remove_repository(settings, *repository, name.find('@') == std::string::npos);
}

}  // namespace streamdiffusion::hub

// Paths of the cache, and writing of its links and references.
#include "hub/cache.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/error.h"
#include "base/file_writer.h"
#include "base/hub_folder.h"
#include "base/input_file.h"
#include "base/log.h"
#include "hub/links.h"
#include "json/quote.h"

namespace streamdiffusion::hub {
namespace {

namespace fs = std::filesystem;
using base::ErrorCode;

constexpr std::uint64_t kLongestRef = 64;
constexpr std::string_view kTag =
    "Signature: 8a477f597d28d172789f06886806bc55\n# A cache of models, shared with Python's "
    "huggingface_hub. Backups may leave it out.\n";

void make_folders(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  base::require(!error, ErrorCode::io, folder.string(), ": cannot be made: ", error.message());
}

/// Throws if `folder`, through links, lies outside of `root`.
void require_inside(const fs::path& folder, const fs::path& root) {
  std::error_code error;
  const fs::path real = fs::canonical(folder, error), real_root = fs::canonical(root, error);
  const auto [end, ignored] =
      std::mismatch(real_root.begin(), real_root.end(), real.begin(), real.end());
  base::require(!error && end == real_root.end(), ErrorCode::io, folder.string(),
                ": is a link that leads out of ", root.string(), "; nothing is written there");
}

/// "../../blobs/HASH", with one more ".." for each folder in the path.
fs::path link_target(const RemoteFile& file) {
  fs::path target = "../..";
  const auto folders = std::ranges::count(file.path, '/');
  for (std::ptrdiff_t i = 0; i < folders; ++i) target /= "..";
  return target / "blobs" / file.hash;
}

}  // namespace

CachedRepository::CachedRepository(const Settings& settings, const std::string& id)
    : cache_(settings.cache),
      folder_(settings.cache / base::hub_folder(id)),
      symlinks_(settings.symlinks) {}

fs::path CachedRepository::blob(const RemoteFile& file) const {
  return folder_ / "blobs" / file.hash;
}

fs::path CachedRepository::partial(const RemoteFile& file) const {
  return folder_ / "blobs" / (file.hash + ".sd-partial");
}

fs::path CachedRepository::lock_file(const RemoteFile& file) const {
  return cache_ / ".locks" / folder_.filename() / (file.hash + ".lock");
}

fs::path CachedRepository::snapshot(const std::string& commit) const {
  return folder_ / "snapshots" / commit;
}

std::optional<std::string> CachedRepository::commit_of(const std::string& revision) const {
  if (is_commit(revision)) return revision;
  const fs::path ref = folder_ / "refs" / revision;
  std::error_code ignored;
  if (!fs::is_regular_file(ref, ignored)) return std::nullopt;
  LinksOut(cache_, folder_).refuse(ref);
  const auto bytes = base::read_file(ref, kLongestRef);
  std::string commit(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  while (commit.ends_with('\n')) commit.pop_back();
  base::require(is_commit(commit), ErrorCode::corrupt_file, ref.string(), ": is ",
                json::quote(commit), ", expected a commit of 40 hexadecimal digits");
  return commit;
}

bool CachedRepository::has(const std::string& commit, const RemoteFile& file) const {
  const fs::path path = snapshot(commit) / file.path;
  std::error_code error;
  return fs::is_regular_file(path, error) && fs::file_size(path, error) == file.size && !error;
}

void CachedRepository::remove_links_out(const std::string& commit) const {
  const LinksOut links(cache_, folder_);
  for (const fs::path& folder : {snapshot(commit), folder_ / "blobs"}) {
    for (const fs::path& link : links.find(folder)) {
      if (link == folder) links.refuse(folder);
      std::error_code error;
      base::warn(link.string(), ": is a link out of the cache ", cache_.string(),
                 "; it is taken away");
      fs::remove(link, error);
      base::require(!error, ErrorCode::io, link.string(), ": cannot be removed: ", error.message());
    }
  }
}

void CachedRepository::create() const {
  make_folders(cache_);
  for (const char* name : {"blobs", "refs", "snapshots"}) {
    make_folders(folder_ / name);
    require_inside(folder_ / name, cache_);
  }
  make_folders(cache_ / ".locks" / folder_.filename());
  const fs::path tag = cache_ / "CACHEDIR.TAG";
  std::error_code ignored;
  if (!fs::exists(tag, ignored)) base::write_file(tag, kTag);
}

void CachedRepository::link(const std::string& commit, const RemoteFile& file) const {
  const fs::path path = snapshot(commit) / file.path;
  make_folders(path.parent_path());
  require_inside(path.parent_path(), folder_);
  const fs::path fresh = path.parent_path() / (".unfinished-" + base::random_name());
  if (!symlinks_ || ::symlink(link_target(file).c_str(), fresh.c_str()) != 0) {
    base::require(!symlinks_ || errno == EPERM || errno == EOPNOTSUPP || errno == ENOSYS,
                  ErrorCode::io, fresh.string(), ": cannot be linked: ", std::strerror(errno));
    if (::rename(blob(file).c_str(), path.c_str()) == 0) return;
    const int reason = errno;
    base::require(reason == ENOENT && has(commit, file), ErrorCode::io, path.string(),
                  ": the file cannot be moved there: ", std::strerror(reason));
    return;  // another program moved it
  }
  const bool moved = ::rename(fresh.c_str(), path.c_str()) == 0;
  const int reason = errno;
  if (!moved) ::unlink(fresh.c_str());
  base::require(moved, ErrorCode::io, path.string(), ": cannot be linked: ", std::strerror(reason));
}

void CachedRepository::write_ref(const std::string& revision, const std::string& commit) const {
  if (is_commit(revision)) return;
  const fs::path ref = folder_ / "refs" / revision;
  make_folders(ref.parent_path());
  require_inside(ref.parent_path(), folder_);
  base::write_file(ref, commit);
}

Found find_in_cache(const Settings& settings, const RepositoryName& name) {
  const CachedRepository repository(settings, name.id);
  const auto commit = repository.commit_of(name.revision);
  if (!commit) return {};
  Found found{.path = repository.snapshot(*commit), .commit = *commit};
  std::error_code ignored;
  if (!fs::is_directory(found.path, ignored)) return {};
  LinksOut(settings.cache, repository.folder()).refuse(found.path / name.file);
  if (name.file.empty()) {
    found.missing = missing_files(found.path);
  } else {
    found.path /= name.file;
    if (!fs::is_regular_file(found.path, ignored)) found.missing = {name.file};
  }
  return found;
}

}  // namespace streamdiffusion::hub

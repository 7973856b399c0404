// The cache that Python's huggingface_hub and this program share:
//   models--ORG--NAME/refs/REVISION            the commit, without a newline
//   models--ORG--NAME/blobs/HASH               contents
//   models--ORG--NAME/snapshots/COMMIT/PATH    a relative link to a blob
//   .locks/models--ORG--NAME/HASH.lock         locked while that blob is written
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hub/listing.h"
#include "hub/name.h"
#include "hub/settings.h"

namespace streamdiffusion::hub {

/// One repository in the cache, which need not be there yet.
class CachedRepository {
 public:
  CachedRepository(const Settings& settings, const std::string& id);

  const std::filesystem::path& folder() const { return folder_; }
  std::filesystem::path blob(const RemoteFile& file) const;
  /// Where a download is kept until it is whole. Python's client has other names for its own.
  std::filesystem::path partial(const RemoteFile& file) const;
  std::filesystem::path lock_file(const RemoteFile& file) const;
  std::filesystem::path snapshot(const std::string& commit) const;

  /// The commit that `revision` stood for when it was last downloaded; `revision` itself if it is a
  /// commit. Empty if it is not known here. Throws corrupt_file for a reference that is no commit,
  /// io for one that is a link out of the cache.
  std::optional<std::string> commit_of(const std::string& revision) const;
  /// The snapshot's path of `file` exists, and has its size.
  bool has(const std::string& commit, const RemoteFile& file) const;

  /// Links out of the cache among the snapshot's files and the blobs are taken away, with a
  /// warning. Throws io if they cannot be, or if the snapshot itself lies outside.
  void remove_links_out(const std::string& commit) const;
  /// Makes the folders, and the tag that lets backups leave the cache out. Throws io.
  void create() const;
  /// Makes the snapshot's path of a file whose blob is whole. Several programs may do so at once.
  /// Throws io, also where a link in the snapshot leads out of the repository's folder.
  void link(const std::string& commit, const RemoteFile& file) const;
  /// Remembers what a revision stands for. To be called when all wanted files are there.
  void write_ref(const std::string& revision, const std::string& commit) const;

 private:
  std::filesystem::path cache_, folder_;
  bool symlinks_;
};

/// What a snapshot, or a folder of the same layout, lacks to be used, as paths relative to it:
/// "unet/config.json", "vae: weights". Empty for a complete pipeline or component.
std::vector<std::string> missing_files(const std::filesystem::path& folder);

/// A name, looked up in the cache alone.
struct Found {
  /// The snapshot's folder, or the file that was named; empty if nothing of it is there.
  std::filesystem::path path;
  std::string commit;
  /// What is missing of it.
  std::vector<std::string> missing;

  bool complete() const { return !path.empty() && missing.empty(); }
};
/// Throws io where a link of it leads out of the cache.
Found find_in_cache(const Settings& settings, const RepositoryName& name);

}  // namespace streamdiffusion::hub

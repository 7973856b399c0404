// What the hub answers about a repository. Every name and number in it is checked: the answer may
// be hostile, and its paths become files.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "hub/hash.h"
#include "json/json.h"

namespace streamdiffusion::hub {

/// A file of a repository, or of Civitai.
struct RemoteFile {
  /// Relative to the repository: "unet/config.json".
  std::string path;
  std::uint64_t size = 0;
  HashKind kind = HashKind::git_sha1;
  /// 40 hexadecimal digits for git_sha1, 64 for sha256. It is also the name of the blob.
  std::string hash;
};

/// Answer of /api/models/ID/revision/REVISION.
struct RepositoryInfo {
  /// The repository's name now; another one than was asked if it was renamed.
  std::string id;
  std::string commit;
  /// "openrail++", from the tag "license:…"; empty if there is none.
  std::string license;
  /// Whether the license has to be accepted on the page of the repository.
  bool gated = false;
};

/// Throws corrupt_file for a commit that is none.
RepositoryInfo parse_repository_info(const json::Json& answer);

/// Appends the files of one page of /api/models/ID/tree/COMMIT. Throws corrupt_file naming the
/// entry: for a path that leads out of the repository or stands twice, a hash that is none, a size
/// that is negative or above 2^50 bytes, or more than 100,000 files.
void parse_tree_page(const json::Json& page, std::vector<RemoteFile>& files);

/// The address of the next page: what stands before `rel="next"` in a Link header; empty if there
/// is none. Of it only the part from "/api/" counts, behind `endpoint`: a mirror may pass on the
/// addresses of the original, and the token is the endpoint's alone.
std::string next_page(std::string_view link, const std::string& endpoint);

/// Answer of Civitai's /api/v1/model-versions/ID.
struct CivitaiVersion {
  /// Model and version, for people.
  std::string name;
  /// "SD 1.5", "SDXL 1.0", …
  std::string base_model;
  /// Of the model on the site, of which this is one version; empty where the answer does not say.
  std::string model;
  /// `path` is a plain file name.
  RemoteFile file;
  std::string url;
};
/// Chooses the primary safetensors file. Throws corrupt_file, or unsupported where all files are
/// pickles.
CivitaiVersion parse_civitai_version(const json::Json& answer);

}  // namespace streamdiffusion::hub

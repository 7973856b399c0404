// Two questions tell everything about a repository: what the revision is, and its list of files
// with sizes and hashes.
#include "hub/pull.h"

#include <sys/statvfs.h>

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/join.h"
#include "base/log.h"
#include "base/percent_encode.h"
#include "base/size_text.h"
#include "json/json.h"
#include "json/quote.h"

namespace streamdiffusion::hub {
namespace {

namespace fs = std::filesystem;
using base::ErrorCode;

std::uint64_t size_of(const fs::path& file) {
  std::error_code error;
  const std::uintmax_t size = fs::file_size(file, error);
  return error ? 0 : size;
}

class Pull {
 public:
  Pull(const Settings& settings, const RepositoryName& name, const PullOptions& options,
       const OnProgress& on_progress, const Stopped& stopped)
      : settings_(settings),
        name_(name),
        options_(options),
        on_progress_(on_progress),
        stopped_(stopped),
        client_(settings),
        repository_(settings, name.id) {}

  Pulled run() {
    if (token_for(settings_) != settings_.token) {
      base::warn("the token is not sent to ", settings_.endpoint,
                 ", which is not encrypted; expected https://");
    }
    const RepositoryInfo info = ask_repository(client_, settings_, name_, stopped_);
    commit_ = info.commit;
    remote_ = name_;
    if (!info.id.empty() && info.id != name_.id) {
      remote_.id = info.id;
      base::log(base::LogLevel::notice, base::concat(name_.id, " is now called ", info.id));
    }
    repository_.remove_links_out(commit_);
    listing_ = ask_files(client_, settings_, remote_, commit_, stopped_);
    const std::vector<RemoteFile> files = wanted_files();
    for (const RemoteFile& file : files) require_weights(name_.id, file);
    check_first(files);
    fetch(files, true);
    repository_.write_ref(name_.revision, commit_);
    return result(info, files);
  }

 private:
  /// All files that are needed. An index of shards is fetched to know its shards.
  std::vector<RemoteFile> wanted_files() {
    const FileChoice choice = name_.file.empty()
                                  ? choose_files(name_.id, listing_, options_.precision)
                                  : choose_file(name_.id, listing_, name_.file);
    std::vector<RemoteFile> files = choice.files;
    fetch(choice.indexes, false);
    for (const RemoteFile& index : choice.indexes) {
      const auto content = json::Json::read(repository_.snapshot(commit_) / index.path);
      for (const RemoteFile& shard : shards_of(index, content, listing_)) files.push_back(shard);
    }
    return files;
  }

  void check_first(const std::vector<RemoteFile>& files) {
    if (!options_.check || !name_.file.empty()) return;
    std::vector<RemoteFile> small;
    std::ranges::copy_if(files, std::back_inserter(small), [](const RemoteFile& file) {
      return !file.path.ends_with(".safetensors");
    });
    fetch(small, false);
    options_.check(repository_.snapshot(commit_));
  }

  void fetch(const std::vector<RemoteFile>& files, bool show) {
    std::vector<Download> downloads;
    std::uint64_t missing = 0;
    std::set<std::string> hashes;  // equal files have one blob
    std::vector<RemoteFile> copies;
    for (const RemoteFile& file : files) {
      if (repository_.has(commit_, file)) continue;
      if (!hashes.insert(file.hash).second) {
        copies.push_back(file);
        continue;
      }
      if (size_of(repository_.blob(file)) != file.size)
        missing += file.size - std::min(file.size, size_of(repository_.partial(file)));
      downloads.push_back(download_of(file));
    }
    if (downloads.empty()) return;
    repository_.create();
    require_space(repository_.folder(), missing);
    const OnProgress count = [&](const PullProgress& now) {
      received_now_ = now.received;
      if (show && on_progress_) on_progress_(now);
    };
    download_all(
        settings_, std::move(downloads), options_.parallel,
        [&](const Download& done) { repository_.link(commit_, done.file); }, count, stopped_);
    received_ += std::exchange(received_now_, 0);
    if (settings_.symlinks) {
      for (const RemoteFile& copy : copies) repository_.link(commit_, copy);
    } else if (!copies.empty()) {
      fetch(copies, false);
    }
  }

  Download download_of(const RemoteFile& file) const {
    return {
        .file = file,
        .url = settings_.endpoint + "/" + remote_.id + "/resolve/" + commit_ + "/" +
               base::percent_encode(file.path, "/"),
        .token = token_for(settings_),
        .target = repository_.blob(file),
        .partial = repository_.partial(file),
        .lock = repository_.lock_file(file),
        .name = name_.id + "/" + file.path,
        .refuse = [this](const ResponseHead& head) { refuse_answer(settings_, remote_, head); }};
  }

  Pulled result(const RepositoryInfo& info, const std::vector<RemoteFile>& files) const {
    Pulled pulled{.path = repository_.snapshot(commit_) / name_.file,
                  .commit = commit_,
                  .license = info.license,
                  .page = settings_.endpoint + "/" + remote_.id,
                  .files = files.size(),
                  .received = received_};
    if (name_.file.empty()) pulled.path = repository_.snapshot(commit_);
    for (const RemoteFile& file : files) pulled.bytes += file.size;
    return pulled;
  }

  const Settings& settings_;
  const RepositoryName& name_;
  const PullOptions& options_;
  const OnProgress& on_progress_;
  const Stopped& stopped_;
  HttpClient client_;
  CachedRepository repository_;
  /// Under its name now.
  RepositoryName remote_;
  std::string commit_;
  std::vector<RemoteFile> listing_;
  std::uint64_t received_ = 0, received_now_ = 0;
};

Pulled find_offline(const Settings& settings, const RepositoryName& name) {
  const Found found = find_in_cache(settings, name);
  base::require(!found.path.empty(), ErrorCode::not_found, to_string(name), ": is not in ",
                settings.cache.string(),
                ", and downloading is switched off (HF_HUB_OFFLINE, "
                "TRANSFORMERS_OFFLINE or --offline)");
  base::require(found.missing.empty(), ErrorCode::not_found, found.path.string(), ": lacks ",
                base::joined(found.missing),
                ", and downloading is switched off (HF_HUB_OFFLINE, "
                "TRANSFORMERS_OFFLINE or --offline)");
  return {.path = found.path, .commit = found.commit};
}

}  // namespace

void require_weights(const std::string& name, const RemoteFile& file) {
  constexpr std::uint64_t kLeast = 8;  // the size of the header
  base::require(!file.path.ends_with(".safetensors") || file.size >= kLeast,
                ErrorCode::corrupt_file, name, ": ", json::quote(file.path), " has ", file.size,
                " bytes, which are too few for a safetensors file; nothing is downloaded");
}

void require_space(const fs::path& folder, std::uint64_t bytes) {
  struct statvfs disk {};
  if (::statvfs(folder.c_str(), &disk) != 0) return;  // writing will tell
  const std::uint64_t space = std::uint64_t{disk.f_bavail} * disk.f_frsize;
  base::require(bytes <= space, ErrorCode::io, folder.string(), ": the download needs ",
                base::size_text(bytes), ", and the disk has ", base::size_text(space),
                " left; make space (`streamdiffusion models` lists what is in the cache), or set "
                "HF_HOME to a folder on another disk");
}

Pulled pull(const Settings& settings, const RepositoryName& name, const PullOptions& options,
            const OnProgress& on_progress, const Stopped& stopped) {
  if (settings.offline) return find_offline(settings, name);
  return Pull(settings, name, options, on_progress, stopped).run();
}

}  // namespace streamdiffusion::hub

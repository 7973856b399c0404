// Civitai has no cache that programs share: a version's file is kept in the user's own.
#include <algorithm>

#include "base/error.h"
#include "base/file_writer.h"
#include "hub/links.h"
#include "hub/pull.h"
#include "json/json.h"

namespace streamdiffusion::hub {
namespace {

namespace fs = std::filesystem;
using base::ErrorCode;

fs::path folder_of(const Settings& settings, const std::string& version) {
  return civitai_folder(settings) / version;
}

[[noreturn]] void refuse(const Settings& settings, const std::string& version,
                         const ResponseHead& head) {
  constexpr int kUnauthorized = 401, kForbidden = 403, kNotFound = 404;
  const std::string name = "civitai:" + version;
  if (head.status == kNotFound) {
    base::fail(ErrorCode::not_found, name, ": ", settings.civitai,
               " has no such version; expected the modelVersionId of the page's address, not the "
               "number of the model");
  }
  if (head.status == kUnauthorized || head.status == kForbidden) {
    base::fail(ErrorCode::not_found, name, ": ", settings.civitai,
               settings.civitai_token.empty()
                   ? " asks for a login: set CIVITAI_TOKEN to an API key of your account"
                   : " refuses the token in CIVITAI_TOKEN");
  }
  base::fail(ErrorCode::io, name, ": ", settings.civitai, " failed: ", describe(head));
}

/// The token goes to Civitai alone.
std::string token_for(const Settings& settings, const std::string& url) {
  return url.starts_with(settings.civitai + "/") ? settings.civitai_token : std::string();
}

/// For people; the site itself where the answer does not say which model it is a version of.
std::string page_of(const Settings& settings, const std::string& version,
                    const std::string& model) {
  return model.empty() ? settings.civitai
                       : settings.civitai + "/models/" + model + "?modelVersionId=" + version;
}

void write_note(const fs::path& folder, const CivitaiVersion& version) {
  base::write_file(folder / "model-version.json",
                   "{\"name\": " + json::json_string(version.name) +
                       ", \"baseModel\": " + json::json_string(version.base_model) + "}\n");
}

}  // namespace

fs::path civitai_folder(const Settings& settings) {
  return settings.own_cache / "civitai";
}

std::optional<fs::path> find_civitai(const Settings& settings, const std::string& version) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder_of(settings, version), ignored)) {
    if (entry.path().extension() != ".safetensors" || !entry.is_regular_file(ignored)) continue;
    LinksOut(settings.own_cache, folder_of(settings, version)).refuse(entry.path());
    return entry.path();
  }
  return std::nullopt;
}

Pulled pull_civitai(const Settings& settings, const std::string& version,
                    const PullOptions& options, const OnProgress& on_progress,
                    const Stopped& stopped) {
  const fs::path folder = folder_of(settings, version);
  if (settings.offline) {
    const auto found = find_civitai(settings, version);
    base::require(found.has_value(), ErrorCode::not_found, "civitai:", version, ": is not in ",
                  folder.string(), ", and downloading is switched off");
    return {.path = *found};
  }
  HttpClient client(settings);
  const std::string url = settings.civitai + "/api/v1/model-versions/" + version;
  const Refuse refuse_it = [&](const ResponseHead& head) { refuse(settings, version, head); };
  const CivitaiVersion found =
      parse_civitai_version(ask(client, settings, {.url = url, .token = token_for(settings, url)},
                                "civitai:" + version, refuse_it, stopped)
                                .json);
  require_weights("civitai:" + version, found.file);
  std::error_code error;
  fs::create_directories(folder, error);
  base::require(!error, ErrorCode::io, folder.string(), ": cannot be made: ", error.message());
  require_space(folder, found.file.size);
  const Download wanted{.file = found.file,
                        .url = found.url,
                        .token = token_for(settings, found.url),
                        .target = folder / found.file.path,
                        .partial = folder / (found.file.hash + ".sd-partial"),
                        .lock = folder / ".lock",
                        .name = "civitai:" + version + " (" + found.name + ")",
                        .refuse = refuse_it};
  Pulled pulled{.path = wanted.target,
                .page = page_of(settings, version, found.model),
                .files = 1,
                .bytes = found.file.size};
  const OnProgress count = [&](const PullProgress& now) {
    pulled.received = now.received;
    if (on_progress) on_progress(now);
  };
  download_all(
      settings, {wanted}, options.parallel, [](const Download&) {}, count, stopped);
  write_note(folder, found);
  return pulled;
}

}  // namespace streamdiffusion::hub

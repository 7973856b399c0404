// Reads the hub's JSON.
#include "hub/listing.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

#include "base/error.h"
#include "base/lower_case.h"
#include "hub/name.h"
#include "json/quote.h"

namespace streamdiffusion::hub {
namespace {

using base::ErrorCode;
using json::Json;

constexpr std::size_t kMaxFiles = 100'000;
constexpr std::int64_t kLargestFile = std::int64_t{1} << 46;  // the sum of kMaxFiles is below 2^63
constexpr std::size_t kSha1Digits = 40, kSha256Digits = 64;

RemoteFile parse_file(const Json& entry) {
  RemoteFile file{.path = entry.at("path").string()};
  check_path(file.path, entry.where());
  const std::optional<Json> lfs = entry.find("lfs");
  const Json& described = lfs ? *lfs : entry;
  file.size = static_cast<std::uint64_t>(described.at("size").integer(0, kLargestFile));
  const Json hash = described.at("oid");
  file.hash = hash.string();
  file.kind = lfs ? HashKind::sha256 : HashKind::git_sha1;
  const std::size_t digits = lfs ? kSha256Digits : kSha1Digits;
  if (!is_hex(file.hash, digits)) hash.refuse(base::concat(digits, " hexadecimal digits"));
  return file;
}

std::string license_of(const Json& answer) {
  constexpr std::string_view kLicense = "license:";
  const auto tags = answer.find("tags");
  if (!tags || !tags->is(Json::Kind::array)) return {};
  for (std::size_t i = 0; i < tags->size(); ++i) {
    const Json tag = (*tags)[i];
    if (tag.is(Json::Kind::string) && tag.string().starts_with(kLicense)) {
      return json::printable(tag.string().substr(kLicense.size()), 60);
    }
  }
  return {};
}

bool is_safetensors(const Json& file) {
  const auto metadata = file.find("metadata");
  const std::string format = metadata ? metadata->string_or("format", "") : "";
  return format == "SafeTensor" ||
         (format.empty() && file.at("name").string().ends_with(".safetensors"));
}

/// The primary file if it is safetensors, else the first that is.
Json choose(const Json& files) {
  std::optional<Json> chosen;
  for (std::size_t i = 0; i < files.size(); ++i) {
    const Json file = files[i];
    if (!is_safetensors(file)) continue;
    if (file.boolean_or("primary", false)) return file;
    if (!chosen) chosen = file;
  }
  base::require(chosen.has_value(), ErrorCode::unsupported, files.where(),
                ": none of the files is in the safetensors format. Pickled weights are not read, "
                "since a pickle can run any code");
  return *chosen;
}

}  // namespace

RepositoryInfo parse_repository_info(const Json& answer) {
  RepositoryInfo info{.id = answer.string_or("id", ""), .license = license_of(answer)};
  const Json commit = answer.at("sha");
  info.commit = commit.string();
  if (!is_commit(info.commit)) commit.refuse("a commit of 40 hexadecimal digits");
  const auto gated = answer.find("gated");
  info.gated = gated && (!gated->is(Json::Kind::boolean) || gated->boolean());
  if (!info.id.empty()) {
    const auto name = parse_repository_name(info.id);
    if (!name || name->id != info.id) answer.at("id").refuse("ORG/NAME");
  }
  return info;
}

void parse_tree_page(const Json& page, std::vector<RemoteFile>& files) {
  if (!page.is(Json::Kind::array)) page.refuse("an array of files");
  std::set<std::string> seen;
  for (const RemoteFile& file : files) seen.insert(file.path);
  for (std::size_t i = 0; i < page.size(); ++i) {
    const Json entry = page[i];
    if (entry.at("type").string() != "file") continue;
    files.push_back(parse_file(entry));
    base::require(seen.insert(files.back().path).second, ErrorCode::corrupt_file, entry.where(),
                  ": the path ", json::quote(files.back().path), " stands there twice");
    base::require(files.size() <= kMaxFiles, ErrorCode::corrupt_file, page.file(),
                  ": lists more than ", kMaxFiles, " files");
  }
}

std::string next_page(std::string_view link, const std::string& endpoint) {
  while (!link.empty()) {
    const std::size_t open = link.find('<'), close = link.find('>', open);
    if (open == std::string_view::npos || close == std::string_view::npos) return {};
    const std::string_view url = link.substr(open + 1, close - open - 1);
    const std::size_t end = std::min(link.find(",", close), link.size());
    const std::string_view parameters = link.substr(close, end - close);
    link.remove_prefix(std::min(end + 1, link.size()));
    if (parameters.find("rel=\"next\"") == std::string_view::npos) continue;
    const std::size_t api = url.find("/api/");
    const bool plain = std::ranges::all_of(url, [](unsigned char c) { return c > 0x20; });
    base::require(api != std::string_view::npos && plain, ErrorCode::corrupt_file, endpoint,
                  ": the next page of the list of files is ", json::quote(url),
                  ", expected an address below /api/");
    return endpoint + std::string(url.substr(api));
  }
  return {};
}

CivitaiVersion parse_civitai_version(const Json& answer) {
  const Json chosen = choose(answer.at("files"));
  CivitaiVersion version{.name = json::printable(answer.string_or("name", ""), 100),
                         .base_model = json::printable(answer.string_or("baseModel", ""), 60),
                         .url = chosen.at("downloadUrl").string()};
  if (const auto model = answer.find("model")) {
    version.name = json::printable(model->string_or("name", ""), 100) + ", " + version.name;
  }
  if (const auto id = answer.find("modelId"); id && id->is(Json::Kind::integer)) {
    version.model = std::to_string(id->integer());
  }
  version.file.path = chosen.at("name").string();
  check_path(version.file.path, chosen.where());
  const bool plain = version.file.path.find('/') == std::string::npos &&
                     version.file.path.ends_with(".safetensors");
  if (!plain) chosen.at("name").refuse("a plain file name that ends in .safetensors");
  const Json hash = chosen.at("hashes").at("SHA256");
  version.file.kind = HashKind::sha256;
  version.file.hash = base::lower_case(hash.string());
  if (!is_hex(version.file.hash, kSha256Digits)) hash.refuse("64 hexadecimal digits");
  const Json size = chosen.at("sizeKB");
  constexpr double kKiB = 1024;
  const double bytes = size.number() * kKiB;
  if (!(bytes >= 0 && bytes <= static_cast<double>(kLargestFile))) size.refuse("a size");
  version.file.size = static_cast<std::uint64_t>(std::llround(bytes));
  const bool http = version.url.starts_with("https://") || version.url.starts_with("http://");
  if (!http) chosen.at("downloadUrl").refuse("an address");
  return version;
}

}  // namespace streamdiffusion::hub

// Rules of names and paths: those that the hub's own Python client checks, and those that keep
// every file inside of the cache.
#include "hub/name.h"

#include <algorithm>

#include "base/error.h"
#include "json/quote.h"

namespace streamdiffusion::hub {
namespace {

using base::ErrorCode;

constexpr std::size_t kLongestId = 96, kLongestRevision = 255, kLongestPath = 1024,
                      kLongestPart = 255;
constexpr std::string_view kCivitai = "civitai:";

bool is_alphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_id_part(std::string_view part) {
  const auto fits = [](char c) { return is_alphanumeric(c) || c == '-' || c == '_' || c == '.'; };
  const auto outer = [](char c) { return c != '-' && c != '.'; };
  return !part.empty() && std::ranges::all_of(part, fits) && outer(part.front()) &&
         outer(part.back());
}

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
}

/// The first part of a path that is against the rules, in words; empty if there is none.
std::string_view problem_of(std::string_view path) {
  if (path.empty()) return "it is empty";
  if (path.size() > kLongestPath) return "it is longer than 1024 bytes";
  if (path.front() == '/') return "it is absolute";
  if (std::ranges::any_of(path, is_control)) return "it holds a control character";
  if (path.find('\\') != std::string_view::npos) return "it holds a backslash";
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view part = path.substr(begin, end - begin);
    if (part.empty()) return "a part of it is empty";
    if (part == "." || part == "..") return "it holds \".\" or \"..\"";
    if (part.size() > kLongestPart) return "a part of it is longer than 255 bytes";
    begin = end + 1;
  }
  return {};
}

void check_revision(std::string_view revision, std::string_view text) {
  const bool odd = std::ranges::any_of(revision, [](char c) {
    return is_control(c) || std::string_view(" ~^:?*[\\").find(c) != std::string_view::npos;
  });
  base::require(!odd && revision.size() <= kLongestRevision && problem_of(revision).empty(),
                ErrorCode::invalid_argument, json::quote(text), ": ", json::quote(revision),
                " is no revision, expected a branch, a tag or a commit behind the @");
}

void check_id(std::string_view id, std::string_view text) {
  const std::size_t slash = id.find('/');
  const bool parts = is_id_part(id.substr(0, slash)) && is_id_part(id.substr(slash + 1));
  const bool whole = id.size() <= kLongestId && id.find("--") == std::string_view::npos &&
                     id.find("..") == std::string_view::npos && !id.ends_with(".git");
  base::require(parts && whole, ErrorCode::invalid_argument, json::quote(text),
                ": no such file or folder, and no name of a repository: expected ORG/NAME of "
                "letters, digits, \"-\", \"_\" and \".\", at most 96 characters");
}

}  // namespace

std::string to_string(const RepositoryName& name) {
  std::string text = name.id;
  if (!name.file.empty()) text += "/" + name.file;
  if (name.revision != "main") text += "@" + name.revision;
  return text;
}

std::optional<RepositoryName> parse_repository_name(std::string_view text) {
  const std::size_t at = text.find('@');
  const std::string_view path = text.substr(0, at);
  const std::size_t slash = path.find('/');
  if (slash == std::string_view::npos || slash == 0) return std::nullopt;
  if (path.front() == '.' || path.front() == '~' || path.ends_with('/')) return std::nullopt;
  const std::size_t second = path.find('/', slash + 1);
  RepositoryName name{.id = std::string(path.substr(0, second)), .file = {}};
  if (second != std::string_view::npos) name.file = path.substr(second + 1);
  if (name.id.ends_with(".safetensors")) return std::nullopt;
  if (!name.file.empty() && !name.file.ends_with(".safetensors")) return std::nullopt;
  check_id(name.id, text);
  if (!name.file.empty()) {
    const std::string_view problem = problem_of(name.file);
    base::require(problem.empty(), ErrorCode::invalid_argument, json::quote(text),
                  " names no file of a repository: ", problem);
  }
  if (at != std::string_view::npos) {
    name.revision = text.substr(at + 1);
    check_revision(name.revision, text);
  }
  return name;
}

std::optional<std::string> parse_civitai_version(std::string_view text) {
  if (!text.starts_with(kCivitai)) return std::nullopt;
  const std::string_view number = text.substr(kCivitai.size());
  constexpr std::size_t kLongestNumber = 18;
  const bool digits = !number.empty() && number.size() <= kLongestNumber &&
                      std::ranges::all_of(number, [](char c) { return c >= '0' && c <= '9'; });
  base::require(digits, ErrorCode::invalid_argument, json::quote(text),
                ": expected the number of a model's version, as civitai:128713 (it stands in the "
                "address of the page as modelVersionId)");
  return std::string(number);
}

bool is_hex(std::string_view text, std::size_t digits) {
  return text.size() == digits && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

bool is_commit(std::string_view text) {
  constexpr std::size_t kDigits = 40;
  return is_hex(text, kDigits);
}

void check_path(std::string_view path, std::string_view where) {
  const std::string_view problem = problem_of(path);
  base::require(problem.empty(), ErrorCode::corrupt_file, where, ": the path ", json::quote(path),
                " is refused: ", problem);
}

}  // namespace streamdiffusion::hub

// Names of models: a repository of the Hugging Face hub, or a version of a model on Civitai.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace streamdiffusion::hub {

/// "ORG/NAME[/FILE][@REVISION]", as "stabilityai/sd-turbo@main".
struct RepositoryName {
  /// "stabilityai/sd-turbo"
  std::string id;
  /// One file of the repository, "loras/ink.safetensors"; empty for all that is needed of it.
  std::string file;
  /// A branch, a tag, a commit (40 hexadecimal digits) or "refs/pr/1".
  std::string revision = "main";
};

/// As people write it; "@main" is left out.
std::string to_string(const RepositoryName& name);

/// Empty for what does not look like a name: a path such as "/models/x", "./x" or "x". Throws
/// invalid_argument for what looks like one and is against the hub's rules: it says which.
std::optional<RepositoryName> parse_repository_name(std::string_view text);

/// The number in "civitai:128713"; empty for other texts. Throws invalid_argument for "civitai:"
/// and no number.
std::optional<std::string> parse_civitai_version(std::string_view text);

/// Whether the text is a commit: 40 lower-case hexadecimal digits.
bool is_commit(std::string_view text);

/// Whether the text consists of `digits` lower-case hexadecimal digits.
bool is_hex(std::string_view text, std::size_t digits);

/// Throws corrupt_file unless `path` is a plain relative path of a repository: no "..", no empty
/// part, no backslash, no control character, parts of at most 255 bytes, at most 1024 in all.
/// `where` is what named it.
void check_path(std::string_view path, std::string_view where);

}  // namespace streamdiffusion::hub

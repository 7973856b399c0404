// Parses any text as each answer of the hub and of Civitai, and as a Link header. Only base::Error
// may be thrown, and no path may lead out of its repository.
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/error.h"
#include "hub/file_choice.h"
#include "hub/listing.h"
#include "hub/name.h"
#include "json/json.h"

namespace {

namespace hub = streamdiffusion::hub;
using streamdiffusion::base::Error;
using streamdiffusion::json::Json;

void require_inside(const std::string& path) {
  const std::filesystem::path normal = std::filesystem::path(path).lexically_normal();
  if (normal.is_absolute() || normal.empty() || *normal.begin() == "..") __builtin_trap();
}

template <typename Action>
void try_to(Action action) {
  try {
    action();
  } catch (const Error&) {
  }
}

void parse_answers(const Json& answer) {
  std::vector<hub::RemoteFile> files;
  try_to([&] { hub::parse_tree_page(answer, files); });
  for (const hub::RemoteFile& file : files) require_inside(file.path);
  for (const auto precision : {hub::Precision::half, hub::Precision::full})
    try_to([&] { hub::choose_files("a/b", files, precision); });
  try_to([&] {
    for (const auto& file : hub::shards_of({.path = "unet/index.json"}, answer, files))
      require_inside(file.path);
  });
  try_to([&] {
    if (!hub::is_commit(hub::parse_repository_info(answer).commit)) __builtin_trap();
  });
  try_to([&] { require_inside(hub::parse_civitai_version(answer).file.path); });
}

void parse_names(std::string_view text) {
  try_to([&] {
    if (const auto name = hub::parse_repository_name(text)) {
      require_inside(name->id);
      require_inside(name->revision);
      if (!name->file.empty()) require_inside(name->file);
    }
  });
  try_to([&] { hub::parse_civitai_version(text); });
  try_to([&] {
    const std::string next = hub::next_page(text, "https://hub");
    if (!next.empty() && !next.starts_with("https://hub/api/")) __builtin_trap();
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  parse_names(text);
  try_to([&] { parse_answers(Json::parse(text, "fuzz.json", {.values = 20000})); });
  return 0;
}

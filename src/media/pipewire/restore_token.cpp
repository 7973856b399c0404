#include "media/pipewire/restore_token.h"

#include <gio/gio.h>

#include <filesystem>
#include <optional>

#include "base/error.h"
#include "base/file_writer.h"
#include "base/input_file.h"
#include "base/log.h"
#include "base/user_cache.h"

namespace streamdiffusion::media {
namespace {

constexpr std::size_t kLongestToken = 4096;

std::optional<std::filesystem::path> token_file() {
  const auto cache = base::user_cache_folder();
  return cache ? std::optional(*cache / "screen-cast-token") : std::nullopt;
}

}  // namespace

std::string read_restore_token() {
  const auto path = token_file();
  if (!path || !base::is_file(*path)) return {};
  try {
    base::require_own_file(*path);
    const base::InputFile file(*path);
    if (file.size() > kLongestToken) return {};
    std::string token(file.size(), '\0');
    file.read(0, std::as_writable_bytes(std::span(token)));
    const bool text = g_utf8_validate(token.data(), static_cast<gssize>(token.size()), nullptr);
    return text ? token : std::string();
  } catch (const Error&) {
    return {};
  }
}

void write_restore_token(const std::string& name, const std::string& token) {
  const auto path = token_file();
  if (!path) return;
  try {
    std::error_code ignored;  // a folder that is missing then fails to take the file
    std::filesystem::create_directories(path->parent_path(), ignored);
    base::write_file(*path, token);
  } catch (const Error& error) {
    base::warn(name, ": the desktop will ask again next time: ", error.what());
  }
}

}  // namespace streamdiffusion::media

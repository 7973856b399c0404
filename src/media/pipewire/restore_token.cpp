#include "media/pipewire/restore_token.h"

#include <gio/gio.h>

#include <filesystem>
#include <optional>
#include <vector>

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

std::string read_restore_token(const std::string& name) {
  const auto path = token_file();
  if (!path || !base::is_there(*path)) return {};
  try {
    base::require_own_file(*path);
    const std::vector<std::byte> bytes = base::read_file(*path, kLongestToken);
    std::string token(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    base::require(g_utf8_validate(token.data(), static_cast<gssize>(token.size()), nullptr) == TRUE,
                  ErrorCode::corrupt_file, path->string(), ": is no token: not text in UTF-8");
    return token;
  } catch (const Error& error) {
    base::warn(name, ": the desktop asks anew: ", error.what());
    return {};
  }
}

void write_restore_token(const std::string& name, const std::string& token) {
  const auto path = token_file();
  if (!path) {
    return base::warn(name,
                      ": the desktop will ask again next time: neither XDG_CACHE_HOME nor "
                      "HOME says where to keep the choice");
  }
  try {
    std::error_code ignored;  // a folder that is missing then fails to take the file
    std::filesystem::create_directories(path->parent_path(), ignored);
    base::write_file(*path, token, base::Durability::replacing, base::Readers::owner);
  } catch (const Error& error) {
    base::warn(name, ": the desktop will ask again next time: ", error.what());
  }
}

}  // namespace streamdiffusion::media

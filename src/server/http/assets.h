// The files of web/, which are compiled into the program.
#pragma once

#include <span>
#include <string_view>

namespace streamdiffusion::server {

struct Asset {
  /// "/index.html"
  std::string_view path;
  /// MIME type
  std::string_view type;
  /// Entity tag of the content, in quotes
  std::string_view etag;
  std::string_view bytes;
};

/// All files. cmake/embed.cmake generates them at build time.
std::span<const Asset> assets();

}  // namespace streamdiffusion::server

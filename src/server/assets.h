// The files of web/, built into the program.
#pragma once

#include <span>
#include <string_view>

namespace streamdiffusion::server {

struct Asset {
  /// "/index.html"
  std::string_view path;
  /// MIME type
  std::string_view type;
  /// Of the content, quoted
  std::string_view etag;
  std::string_view bytes;
};

/// All of them; made at build time by cmake/embed.cmake.
std::span<const Asset> assets();

}  // namespace streamdiffusion::server

#include "base/file_url.h"

#include <string_view>

#include "base/error.h"
#include "base/lower_case.h"
#include "base/percent_encode.h"

namespace streamdiffusion::base {

std::string path_of(const std::string& text) {
  constexpr std::string_view kScheme = "file:", kHere = "localhost";
  if (lower_case(text.substr(0, kScheme.size())) != kScheme) return text;
  std::string_view rest = std::string_view(text).substr(kScheme.size());
  if (rest.starts_with("//")) {
    rest.remove_prefix(2);
    const std::string_view host = rest.substr(0, rest.find('/'));
    require(host.empty() || lower_case(std::string(host)) == kHere, ErrorCode::invalid_argument,
            text, ": names the host \"", host,
            "\", expected a file of this machine, such as "
            "file:///home/me/a.mp4");
    rest.remove_prefix(host.size());
  }
  const auto path = percent_decode(rest);
  require(path && path->find('\0') == std::string::npos, ErrorCode::invalid_argument, text,
          ": an address of a file has %XX with two hexadecimal digits, and %25 for a percent sign");
  require(!path->empty(), ErrorCode::invalid_argument, text, ": names no file");
  return *path;
}

}  // namespace streamdiffusion::base

#include "media/screen_source.h"

#include <cstdlib>
#include <string_view>

#include "base/error.h"
#include "base/log.h"
#include "base/parse_number.h"
#include "media/av_source.h"
#include "media/parse_size.h"
#include "media/portal_source.h"

namespace streamdiffusion::media {
namespace {

using base::ErrorCode;

constexpr const char* kAskAnew = "screen:portal";

bool is_wayland() {
  const char* const wayland = std::getenv("WAYLAND_DISPLAY");
  return wayland != nullptr && *wayland != '\0';
}

/// The part that "screen:X,Y,WxH" names; none for "screen".
std::optional<ScreenPart> screen_part(const std::string& input) {
  if (!input.starts_with("screen:")) return std::nullopt;
  const std::string_view place = std::string_view(input).substr(input.find(':') + 1);
  const std::size_t first = place.find(','), second = place.find(',', first + 1);
  const bool parts = first != std::string_view::npos && second != std::string_view::npos;
  const auto x = base::parse_number<int>(place.substr(0, first));
  const auto y = parts ? base::parse_number<int>(place.substr(first + 1, second - first - 1)) : x;
  const auto size = parts ? parse_size(place.substr(second + 1)) : std::nullopt;
  base::require(x && y && size && *x >= 0 && *y >= 0, ErrorCode::invalid_argument, input,
                ": expected screen, screen:portal or screen:X,Y,WxH, such as "
                "screen:0,0,640x480");
  return ScreenPart{*x, *y, size->width, size->height};
}

AvInputSpec x11_screen(const std::string& input, const std::optional<ScreenPart>& part,
                       const SourceOptions& options) {
  AvInputSpec spec{.name = input, .format = "x11grab", .live = true};
  const char* display = std::getenv("DISPLAY");
  spec.url = display != nullptr && *display != '\0' ? display : ":0";
  const Rational rate = options.rate.positive() ? options.rate : kDefaultRate;
  spec.settings.emplace_back("framerate", base::concat(rate.numerator, "/", rate.denominator));
  if (!part) return spec;
  spec.settings.emplace_back("grab_x", std::to_string(part->x));
  spec.settings.emplace_back("grab_y", std::to_string(part->y));
  spec.settings.emplace_back("video_size", base::concat(part->width, "x", part->height));
  return spec;
}

}  // namespace

bool is_screen(const std::string& input) {
  return input == "screen" || input.starts_with("screen:");
}

std::unique_ptr<FrameSource> open_screen(const std::string& input, const SourceOptions& options) {
  if (input == kAskAnew) return open_portal_source(input, std::nullopt, true, options);
  const std::optional<ScreenPart> part = screen_part(input);
  if (is_wayland() && has_portal_source()) return open_portal_source(input, part, false, options);
  if (is_wayland()) {
    base::warn(input,
               ": this desktop runs on Wayland, where only windows of X11 programs are seen; all "
               "is seen by a program that is built with PipeWire (libpipewire-0.3-dev and "
               "libglib2.0-dev)");
  }
  return open_av_source(x11_screen(input, part, options), options);
}

}  // namespace streamdiffusion::media

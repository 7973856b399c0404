// Conversion of an image's own colors to sRGB, which models are trained on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace streamdiffusion::image {

/// How the pixels lie that are converted.
struct PixelLayout {
  enum class Colors { gray, rgb, cmyk };
  Colors colors = Colors::rgb;
  /// In memory, for each pixel: those of the colors first, then what is passed over. A gray image
  /// may be stored as RGB.
  int channels = 3;
  /// 1, or 2 in the machine's byte order.
  int bytes = 1;
  /// CMYK of which 0 means full ink, as Adobe stores it.
  bool inverted = false;
};

/// What a PNG says about its colors without a profile.
struct Chromaticities {
  /// CIE 1931 x, y of the white point and of the primaries.
  double white[2] = {0.3127, 0.3290};
  double red[2] = {0.64, 0.33}, green[2] = {0.30, 0.60}, blue[2] = {0.15, 0.06};
};

class ColorTransform {
 public:
  /// From an ICC profile. Null if the pixels are sRGB already, or if the profile cannot be used:
  /// `problem` then says why. Allocates at most 32 MiB whatever the profile says.
  static std::unique_ptr<ColorTransform> from_profile(std::span<const std::byte> icc,
                                                      const PixelLayout& format,
                                                      std::string& problem);
  /// From the exponent that encoded the values (1/2.2 for most; empty: that of sRGB) and the
  /// primaries. Null if that is sRGB, or nearly.
  static std::unique_ptr<ColorTransform> from_primaries(std::optional<double> gamma,
                                                        const Chromaticities& primaries,
                                                        const PixelLayout& format,
                                                        std::string& problem);
  /// From Adobe RGB (1998), whose curve is a pure exponent.
  static std::unique_ptr<ColorTransform> from_adobe_rgb(const PixelLayout& format,
                                                        std::string& problem);
  /// From the numbers of ITU-T H.273 for primaries and transfer function. Null as above.
  static std::unique_ptr<ColorTransform> from_code_points(int primaries, int transfer,
                                                          const PixelLayout& format,
                                                          std::string& problem);
  ~ColorTransform();
  ColorTransform(const ColorTransform&) = delete;
  ColorTransform& operator=(const ColorTransform&) = delete;

  /// Converts so many pixels to RGB of 8 bits. `from` and `rgb` must not overlap.
  void convert(const void* from, std::size_t pixels, std::uint8_t* rgb) const;

 private:
  struct Impl;
  explicit ColorTransform(std::unique_ptr<Impl> impl);
  /// From RGB of one curve for all three. Frees the curve, which may be null.
  static std::unique_ptr<ColorTransform> from_rgb(std::unique_ptr<Impl> impl, void* curve,
                                                  const Chromaticities& primaries,
                                                  const PixelLayout& format, std::string& problem);
  static std::unique_ptr<ColorTransform> checked(std::unique_ptr<Impl> impl,
                                                 const PixelLayout& format, std::string& problem);

  std::unique_ptr<Impl> impl_;
};

}  // namespace streamdiffusion::image

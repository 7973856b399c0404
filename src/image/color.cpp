// Color transforms through Little CMS, in a context of their own whose memory is limited: profiles
// come from strangers.
#include "image/color.h"

#include <lcms2.h>
#include <lcms2_plugin.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <map>
#include <vector>

namespace streamdiffusion::image {
namespace {

constexpr std::size_t kMemory = std::size_t{32} << 20U;
/// Before each block: its size.
constexpr std::size_t kHeader = alignof(std::max_align_t);

struct Budget {
  std::size_t left = kMemory;
};

/// Null for the context itself, which is allocated before it has user data.
Budget* budget_of(cmsContext context) {
  return static_cast<Budget*>(cmsGetContextUserData(context));
}

void* allocate(cmsContext context, cmsUInt32Number size) {
  Budget* budget = budget_of(context);
  if (budget != nullptr && size > budget->left) return nullptr;
  auto* block = static_cast<std::byte*>(std::malloc(kHeader + size));
  if (block == nullptr) return nullptr;
  if (budget != nullptr) budget->left -= size;
  std::memcpy(block, &size, sizeof size);
  return block + kHeader;
}

void release(cmsContext context, void* memory) {
  if (memory == nullptr) return;
  auto* block = static_cast<std::byte*>(memory) - kHeader;
  cmsUInt32Number size = 0;
  std::memcpy(&size, block, sizeof size);
  if (Budget* budget = budget_of(context)) budget->left += size;
  std::free(block);
}

void* reallocate(cmsContext context, void* memory, cmsUInt32Number size) {
  void* grown = allocate(context, size);
  if (grown == nullptr || memory == nullptr) return grown;
  cmsUInt32Number old = 0;
  std::memcpy(&old, static_cast<std::byte*>(memory) - kHeader, sizeof old);
  std::memcpy(grown, memory, std::min(old, size));
  release(context, memory);
  return grown;
}

cmsContext make_context(Budget& budget) {
  cmsPluginMemHandler memory{};
  memory.base = {cmsPluginMagicNumber, 2060, cmsPluginMemHandlerSig, nullptr};
  memory.MallocPtr = allocate;
  memory.FreePtr = release;
  memory.ReallocPtr = reallocate;
  cmsContext context = cmsCreateContext(&memory, &budget);
  if (context != nullptr)
    cmsSetLogErrorHandlerTHR(context, [](cmsContext, cmsUInt32Number, const char*) {});
  return context;
}

struct CloseProfile {
  void operator()(void* profile) const { cmsCloseProfile(profile); }
};
using Profile = std::unique_ptr<void, CloseProfile>;

/// The header's field, as a number: cmsGetColorSpace() gives an enumeration, which a profile can
/// make any value. The profile has been opened, so that its header is there.
std::uint32_t color_space_of(std::span<const std::byte> icc) {
  constexpr std::size_t kField = 16;
  std::uint32_t space = 0;
  for (const std::byte byte : icc.subspan(kField, 4))
    space = (space << 8U) | std::to_integer<std::uint32_t>(byte);
  return space;
}

cmsUInt32Number type_of(const PixelLayout& format) {
  using Colors = PixelLayout::Colors;
  const int used = format.colors == Colors::gray ? 1 : format.colors == Colors::rgb ? 3 : 4;
  const int space = format.colors == Colors::gray  ? PT_GRAY
                    : format.colors == Colors::rgb ? PT_RGB
                                                   : PT_CMYK;
  const auto part = [](int value) { return static_cast<cmsUInt32Number>(value); };
  return COLORSPACE_SH(part(space)) | CHANNELS_SH(part(used)) |
         EXTRA_SH(part(format.channels - used)) | BYTES_SH(part(format.bytes)) |
         FLAVOR_SH(part(format.inverted ? 1 : 0));
}

/// One value of a probe pixel, 0..255, as the format stores it.
void put(std::vector<std::uint8_t>& pixels, const PixelLayout& format, int value) {
  for (int i = 0; i < format.bytes; ++i) pixels.push_back(static_cast<std::uint8_t>(value));
}

/// RGB values on a lattice and along the grays.
std::vector<std::uint8_t> probe_colors() {
  constexpr int kStep = 51, kGrayStep = 8;
  std::vector<std::uint8_t> colors;
  const auto add = [&colors](int r, int g, int b) {
    for (const int c : {r, g, b}) colors.push_back(static_cast<std::uint8_t>(c));
  };
  for (int r = 0; r <= 255; r += kStep)
    for (int g = 0; g <= 255; g += kStep)
      for (int b = 0; b <= 255; b += kStep) add(r, g, b);
  for (int v = 0; v <= 255; v += kGrayStep) add(v, v, v);
  return colors;
}

}  // namespace

struct ColorTransform::Impl {
  /// Outlives the context.
  Budget budget;
  cmsContext context = make_context(budget);
  cmsHTRANSFORM transform = nullptr;

  Impl() = default;
  ~Impl() {
    if (transform != nullptr) cmsDeleteTransform(transform);
    if (context != nullptr) cmsDeleteContext(context);
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  void make(cmsHPROFILE from, const PixelLayout& format) {
    const Profile srgb(cmsCreate_sRGBProfileTHR(context));
    if (!srgb) return;
    // Little CMS would bring 16 bits through a coarse table: some levels off at the edges.
    const cmsUInt32Number exact = format.bytes > 1 ? cmsFLAGS_NOOPTIMIZE : 0;
    transform = cmsCreateTransformTHR(context, from, type_of(format), srgb.get(), TYPE_RGB_8,
                                      INTENT_PERCEPTUAL, cmsFLAGS_BLACKPOINTCOMPENSATION | exact);
  }

  /// Whether no value changes by more than one step.
  bool is_identity(const PixelLayout& format) const {
    if (format.colors == PixelLayout::Colors::cmyk) return false;
    const std::vector<std::uint8_t> colors = probe_colors();
    const bool gray = format.colors == PixelLayout::Colors::gray;
    std::vector<std::uint8_t> pixels, expected;
    for (std::size_t i = 0; i < colors.size(); i += 3) {
      for (int c = 0; c < format.channels; ++c)
        put(pixels, format, gray ? colors[i] : c < 3 ? colors[i + static_cast<std::size_t>(c)] : 0);
      for (std::size_t c = 0; c < 3; ++c) expected.push_back(colors[gray ? i : i + c]);
    }
    std::vector<std::uint8_t> converted(expected.size());
    cmsDoTransform(transform, pixels.data(), converted.data(),
                   static_cast<cmsUInt32Number>(converted.size() / 3));
    return std::equal(converted.begin(), converted.end(), expected.begin(),
                      [](int a, int b) { return std::abs(a - b) <= 1; });
  }
};

ColorTransform::ColorTransform(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ColorTransform::~ColorTransform() = default;

std::unique_ptr<ColorTransform> ColorTransform::checked(std::unique_ptr<Impl> impl,
                                                        const PixelLayout& format,
                                                        std::string& problem) {
  if (impl->transform == nullptr) {
    problem = "its color profile cannot be used";
    return nullptr;
  }
  if (impl->is_identity(format)) return nullptr;
  return std::unique_ptr<ColorTransform>(new ColorTransform(std::move(impl)));
}

std::unique_ptr<ColorTransform> ColorTransform::from_profile(std::span<const std::byte> icc,
                                                             const PixelLayout& format,
                                                             std::string& problem) {
  auto impl = std::make_unique<Impl>();
  Profile profile(cmsOpenProfileFromMemTHR(impl->context, icc.data(),
                                           static_cast<cmsUInt32Number>(icc.size())));
  if (!profile) {
    problem = "its color profile cannot be read";
    return nullptr;
  }
  PixelLayout own = format;  // an RGB profile of a gray image that is stored as RGB
  const std::uint32_t space = color_space_of(icc);
  if (format.colors == PixelLayout::Colors::gray && space == cmsSigRgbData && format.channels >= 3)
    own.colors = PixelLayout::Colors::rgb;
  const std::uint32_t wanted = own.colors == PixelLayout::Colors::gray  ? cmsSigGrayData
                               : own.colors == PixelLayout::Colors::rgb ? cmsSigRgbData
                                                                        : cmsSigCmykData;
  if (space != wanted) {
    problem = "its color profile is for another kind of image";
    return nullptr;
  }
  impl->make(profile.get(), own);
  profile.reset();  // before its context goes
  return checked(std::move(impl), own, problem);
}

std::unique_ptr<ColorTransform> ColorTransform::from_primaries(std::optional<double> gamma,
                                                               const Chromaticities& primaries,
                                                               const PixelLayout& format,
                                                               std::string& problem) {
  // As libpng: an exponent within 5 % of 1/2.2 is the one of sRGB's curve.
  constexpr double kUsual = 2.2, kNearly = 0.05;
  constexpr double kSmallest = 0.01, kLargest = 10;
  const bool possible = (!gamma || (*gamma >= kSmallest && *gamma <= kLargest)) &&
                        primaries.white[1] > 0 && primaries.red[1] > 0 && primaries.green[1] > 0 &&
                        primaries.blue[1] > 0;
  if (!possible) {
    problem = "its gamma or its primaries are impossible";
    return nullptr;
  }
  auto impl = std::make_unique<Impl>();
  const bool usual = !gamma || std::abs(*gamma * kUsual - 1) < kNearly;
  const cmsFloat64Number srgb_curve[] = {2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045};
  constexpr cmsInt32Number kSrgbShape = 4;
  cmsToneCurve* curve = usual ? cmsBuildParametricToneCurve(impl->context, kSrgbShape, srgb_curve)
                              : cmsBuildGamma(impl->context, 1 / *gamma);
  return from_rgb(std::move(impl), curve, primaries, format, problem);
}

std::unique_ptr<ColorTransform> ColorTransform::from_adobe_rgb(const PixelLayout& format,
                                                               std::string& problem) {
  constexpr double kGamma = 563.0 / 256;
  auto impl = std::make_unique<Impl>();
  cmsToneCurve* curve = cmsBuildGamma(impl->context, kGamma);
  return from_rgb(std::move(impl), curve, {.green = {0.21, 0.71}}, format, problem);
}

std::unique_ptr<ColorTransform> ColorTransform::from_rgb(std::unique_ptr<Impl> impl,
                                                         void* tone_curve,
                                                         const Chromaticities& primaries,
                                                         const PixelLayout& format,
                                                         std::string& problem) {
  auto* curve = static_cast<cmsToneCurve*>(tone_curve);
  const auto point = [](const double(&xy)[2]) { return cmsCIExyY{xy[0], xy[1], 1}; };
  const cmsCIExyY white = point(primaries.white);
  const cmsCIExyYTRIPLE rgb{point(primaries.red), point(primaries.green), point(primaries.blue)};
  cmsToneCurve* curves[] = {curve, curve, curve};
  Profile profile(curve == nullptr ? nullptr
                                   : cmsCreateRGBProfileTHR(impl->context, &white, &rgb, curves));
  if (curve != nullptr) cmsFreeToneCurve(curve);
  PixelLayout own = format;
  own.colors = PixelLayout::Colors::rgb;
  if (profile) impl->make(profile.get(), own);
  profile.reset();
  return checked(std::move(impl), own, problem);
}

std::unique_ptr<ColorTransform> ColorTransform::from_code_points(int primaries, int transfer,
                                                                 const PixelLayout& format,
                                                                 std::string& problem) {
  const std::map<int, Chromaticities> known_primaries{
      {1, {}},
      {9, {.red = {0.708, 0.292}, .green = {0.170, 0.797}, .blue = {0.131, 0.046}}},
      {11, {{0.314, 0.351}, {0.680, 0.320}, {0.265, 0.690}, {0.150, 0.060}}},
      {12, {.red = {0.680, 0.320}, .green = {0.265, 0.690}, .blue = {0.150, 0.060}}}};
  // BT.709's curve and its relatives are shown as sRGB's.
  const std::map<int, std::optional<double>> known_transfers{
      {1, {}}, {4, 1 / 2.2}, {5, 1 / 2.8}, {6, {}}, {8, 1.0}, {13, {}}, {14, {}}, {15, {}}};
  const auto space = known_primaries.find(primaries);
  const auto curve = known_transfers.find(transfer);
  if (space == known_primaries.end() || curve == known_transfers.end()) {
    const bool hdr = transfer == 16 || transfer == 18;
    problem = hdr ? "it is an HDR image" : "its color space is not known";
    return nullptr;
  }
  return from_primaries(curve->second, space->second, format, problem);
}

void ColorTransform::convert(const void* from, std::size_t pixels, std::uint8_t* rgb) const {
  cmsDoTransform(impl_->transform, from, rgb, static_cast<cmsUInt32Number>(pixels));
}

}  // namespace streamdiffusion::image

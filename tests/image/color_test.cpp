// Colors that are not sRGB. The expected values are those of the color spaces' definitions: pure
// red of sRGB is (234, 51, 35) in Display P3 and (219, 0, 0) in Adobe RGB.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <lcms2.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "image/codecs.h"
#include "image/files.h"

namespace streamdiffusion::image {
namespace {

using ::testing::HasSubstr;

struct Space {
  cmsCIExyYTRIPLE primaries;
  /// 0 for sRGB's curve.
  double gamma;
};
constexpr Space kDisplayP3{{{0.680, 0.320, 1}, {0.265, 0.690, 1}, {0.150, 0.060, 1}}, 0};
constexpr Space kAdobeRgb{{{0.64, 0.33, 1}, {0.21, 0.71, 1}, {0.15, 0.06, 1}}, 563.0 / 256};
constexpr Space kSrgb{{{0.64, 0.33, 1}, {0.30, 0.60, 1}, {0.15, 0.06, 1}}, 0};
constexpr cmsCIExyY kD65{0.3127, 0.3290, 1};

cmsToneCurve* curve_of(double gamma) {
  const double srgb[]{2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045};
  return gamma == 0 ? cmsBuildParametricToneCurve(nullptr, 4, srgb) : cmsBuildGamma(nullptr, gamma);
}

std::string saved(cmsHPROFILE profile) {
  cmsUInt32Number size = 0;
  cmsSaveProfileToMem(profile, nullptr, &size);
  std::string bytes(size, '\0');
  cmsSaveProfileToMem(profile, bytes.data(), &size);
  cmsCloseProfile(profile);
  return bytes;
}

std::string profile_of(const Space& space) {
  cmsToneCurve* curve = curve_of(space.gamma);
  cmsToneCurve* curves[]{curve, curve, curve};
  const std::string bytes = saved(cmsCreateRGBProfile(&kD65, &space.primaries, curves));
  cmsFreeToneCurve(curve);
  return bytes;
}

std::string gray_profile(double gamma) {
  cmsToneCurve* curve = curve_of(gamma);
  const std::string bytes = saved(cmsCreateGrayProfile(&kD65, curve));
  cmsFreeToneCurve(curve);
  return bytes;
}

std::string iccp(const std::string& profile) {
  return png_chunk("iCCP", std::string("p\0\0", 3) + deflated(profile));
}

/// In so many parts, as a JPEG holds it.
std::string app2(const std::string& profile, int parts = 1) {
  std::string segments;
  const std::size_t each = profile.size() / static_cast<std::size_t>(parts) + 1;
  for (int i = 0; i < parts; ++i) {
    segments += jpeg_segment(0xe2, std::string("ICC_PROFILE\0", 12) + static_cast<char>(i + 1) +
                                       static_cast<char>(parts) +
                                       profile.substr(each * static_cast<std::size_t>(i), each));
  }
  return segments;
}

std::string rgb(int r, int g, int b) {
  return {static_cast<char>(r), static_cast<char>(g), static_cast<char>(b)};
}

void expect_color(const std::vector<std::byte>& file, int r, int g, int b, const char* what,
                  int tolerance = 2) {
  const Image image = decode_image(file, what);
  const std::size_t middle = image.rgb.size() / 6 * 3;
  EXPECT_NEAR(image.rgb[middle], r, tolerance) << what;
  EXPECT_NEAR(image.rgb[middle + 1], g, tolerance) << what;
  EXPECT_NEAR(image.rgb[middle + 2], b, tolerance) << what;
}

TEST(Profile, IsConvertedToSrgbInEveryFormat) {
  const std::string p3 = profile_of(kDisplayP3), adobe = profile_of(kAdobeRgb);
  const Image p3_red = flat(16, 16, 234, 51, 35);
  expect_color(png_file({.pixel = rgb(234, 51, 35), .chunks = iccp(p3)}), 255, 0, 0, "png");
  expect_color(png_file({.pixel = rgb(219, 0, 0), .chunks = iccp(adobe)}), 255, 0, 0, "adobe png");
  const std::vector<std::byte> jpeg = encode_jpeg(p3_red, 100);
  expect_color(with_segments(jpeg, app2(p3)), 255, 0, 0, "jpeg", 5);
  expect_color(with_segments(jpeg, app2(p3, 3)), 255, 0, 0, "jpeg in three parts", 5);
  expect_color(webp_file(p3_red, 0x20, riff_chunk("ICCP", p3), ""), 255, 0, 0, "webp", 5);
  expect_color(png_file({.pixel = rgb(234, 51, 35)}), 234, 51, 35, "without a profile", 0);
}

/// EXIF as cameras write it for Adobe RGB: the color space, and the interoperability index.
std::string exif_with(int color_space, const std::string& index) {
  const auto entry = [](std::uint32_t tag, std::uint32_t type, std::uint32_t count,
                        const std::string& value) {
    return big_endian(tag, 2) + big_endian(type, 2) + big_endian(count) + value;
  };
  constexpr std::uint32_t kShort = 3, kLong = 4, kText = 2;
  const std::string end(4, '\0');
  const auto space = static_cast<std::uint32_t>(color_space);
  return std::string("MM\0*", 4) + big_endian(8) + big_endian(1, 2) +
         entry(0x8769, kLong, 1, big_endian(26)) + end + big_endian(2, 2) +
         entry(0xa001, kShort, 1, big_endian(space, 2) + std::string(2, '\0')) +
         entry(0xa005, kLong, 1, big_endian(56)) + end + big_endian(1, 2) +
         entry(1, kText, 4, index + '\0') + end;
}

TEST(AdobeRgb, NotedByACameraInExifAloneIsConvertedInEveryFormat) {
  const Image red = flat(16, 16, 219, 0, 0);
  const std::vector<std::byte> jpeg = encode_jpeg(red, 100);
  const auto app1 = [](const std::string& exif) {
    return jpeg_segment(0xe1, std::string("Exif\0\0", 6) + exif);
  };
  const std::string adobe = exif_with(0xffff, "R03");
  expect_color(with_segments(jpeg, app1(adobe)), 255, 0, 0, "jpeg", 5);
  expect_color(png_file({.pixel = rgb(219, 0, 0), .chunks = png_chunk("eXIf", adobe)}), 255, 0, 0,
               "png");
  expect_color(webp_file(red, 0x08, "", riff_chunk("EXIF", adobe)), 255, 0, 0, "webp", 5);
  // sRGB, another index, and a profile, which knows better
  expect_color(with_segments(jpeg, app1(exif_with(1, "R98"))), 219, 0, 0, "sRGB", 3);
  expect_color(with_segments(jpeg, app1(exif_with(0xffff, "R98"))), 219, 0, 0, "unknown", 3);
  expect_color(with_segments(jpeg, app1(adobe) + app2(profile_of(kSrgb))), 219, 0, 0, "profile", 3);
  for (std::size_t length = 0; length < adobe.size(); ++length)
    EXPECT_FALSE(read_exif(bytes_of(adobe.substr(0, length))).adobe_rgb && length < 69) << length;
}

TEST(Profile, OfSrgbChangesNothing) {
  const std::string srgb = profile_of(kSrgb);
  for (int v = 0; v < 256; v += 15)
    expect_color(png_file({.pixel = rgb(v, 255 - v, v / 2), .chunks = iccp(srgb)}), v, 255 - v,
                 v / 2, "srgb", 0);
}

TEST(Profile, GrayImagesSixteenBitsAndTransparencyAreConvertedToo) {
  // linear light of a half: 188 in sRGB
  const std::string linear = gray_profile(1);
  expect_color(png_file({.color_type = 0, .pixel = "\x80", .chunks = iccp(linear)}), 188, 188, 188,
               "gray");
  expect_color(with_segments(encode_jpeg(flat(16, 16, 128, 128, 128), 100),
                             app2(profile_of({kSrgb.primaries, 1}))),
               188, 188, 188, "linear jpeg");
  const std::string p3 = profile_of(kDisplayP3);
  const std::string deep = "\xea\xea\x33\x33\x23\x23";
  expect_color(png_file({.depth = 16, .pixel = deep, .chunks = iccp(p3)}), 255, 0, 0, "16 bits");
  expect_color(png_file({.depth = 16, .pixel = deep}), 234, 51, 35, "16 bits of sRGB", 0);
  expect_color(png_file({.color_type = 6, .pixel = rgb(234, 51, 35) + '\x80', .chunks = iccp(p3)}),
               255, 127, 127, "half transparent");
  expect_color(
      png_file({.depth = 16, .color_type = 6, .pixel = deep + "\x80\x80", .chunks = iccp(p3)}), 255,
      127, 127, "half transparent, 16 bits");
}

TEST(Profile, ThatCannotBeUsedIsPassedOverWithAWarning) {
  const std::string gray = gray_profile(2.2), p3 = profile_of(kDisplayP3);
  const std::vector<std::byte> jpeg = encode_jpeg(flat(16, 16, 234, 51, 35), 100);
  const std::pair<std::string, const char*> cases[]{
      {app2("no profile at all"), "cannot be read"},
      {app2(gray), "for another kind of image"},
      {app2(p3.substr(0, 200)), "cannot be"},
      {app2(p3, 3).substr(0, app2(p3, 3).size() / 3 + 1),
       "parts of its color profile are missing"}};
  for (const auto& [segments, message] : cases) {
    std::string warning;
    const Image image = decode_image(with_segments(jpeg, segments), "a.jpg",
                                     {.warn = [&](const std::string& text) { warning = text; }});
    EXPECT_NEAR(image.rgb[0], 234, 3) << message;
    EXPECT_THAT(warning, HasSubstr(std::string("a.jpg: ")));
    EXPECT_THAT(warning, HasSubstr(message));
  }
}

TEST(Chromaticity, OfAPngIsConvertedWithoutAProfile) {
  const auto scaled = [](double value) {
    return big_endian(static_cast<std::uint32_t>(value * 100000 + 0.5));
  };
  const auto chrm = [&](const Space& space) {
    std::string content = scaled(kD65.x) + scaled(kD65.y);
    for (const cmsCIExyY& p : {space.primaries.Red, space.primaries.Green, space.primaries.Blue})
      content += scaled(p.x) + scaled(p.y);
    return png_chunk("cHRM", content);
  };
  const std::string usual = png_chunk("gAMA", scaled(0.45455)),
                    linear = png_chunk("gAMA", scaled(1));
  expect_color(png_file({.pixel = rgb(234, 51, 35), .chunks = usual + chrm(kDisplayP3)}), 255, 0, 0,
               "P3 primaries");
  expect_color(png_file({.pixel = rgb(128, 128, 128), .chunks = linear}), 188, 188, 188, "linear");
  expect_color(png_file({.color_type = 0, .pixel = "\x80", .chunks = linear}), 188, 188, 188,
               "linear gray");
  // 1/256 of the light: 13 levels of sRGB lie in one of linear values with 8 bits
  expect_color(
      png_file({.depth = 16, .pixel = std::string("\0\x80\0\x80\0\x80", 6), .chunks = linear}), 6,
      6, 6, "linear, 16 bits", 1);
  expect_color(png_file({.pixel = rgb(90, 60, 30), .chunks = usual + chrm(kSrgb)}), 90, 60, 30,
               "sRGB in numbers", 0);
  expect_color(png_file({.pixel = rgb(90, 60, 30),
                         .chunks = png_chunk("sRGB", std::string(1, '\0')) + linear}),
               90, 60, 30, "sRGB by name", 0);
}

TEST(CodePoints, OfAPngComeBeforeAllElse) {
  const auto cicp = [](char primaries, char transfer) {
    return png_chunk("cICP", std::string{primaries, transfer, 0, 1});
  };
  const std::string wrong = iccp(profile_of(kAdobeRgb));
  expect_color(png_file({.pixel = rgb(234, 51, 35), .chunks = cicp(12, 13) + wrong}), 255, 0, 0,
               "P3");
  expect_color(png_file({.pixel = rgb(90, 60, 30), .chunks = cicp(1, 13)}), 90, 60, 30, "sRGB", 0);
  expect_color(png_file({.pixel = rgb(128, 128, 128), .chunks = cicp(1, 8)}), 188, 188, 188,
               "linear");
  for (const char transfer : {16, 18, 99}) {
    std::string warning;
    decode_image(png_file({.pixel = "abc", .chunks = cicp(9, transfer)}), "a.png",
                 {.warn = [&](const std::string& text) { warning = text; }});
    EXPECT_THAT(warning, HasSubstr(transfer == 99 ? "not known" : "HDR")) << int{transfer};
  }
}

TEST(Chromaticity, ThatIsImpossibleIsPassedOverWithAWarning) {
  for (const std::string& chunk :
       {png_chunk("gAMA", big_endian(0)), png_chunk("gAMA", big_endian(1)),
        png_chunk("gAMA", big_endian(0xffffffff)), png_chunk("cHRM", std::string(32, '\0')),
        png_chunk("cHRM", std::string(32, '\xff'))}) {
    std::string warning;
    const Image image = decode_image(png_file({.pixel = "abc", .chunks = chunk}), "a.png",
                                     {.warn = [&](const std::string& text) { warning = text; }});
    EXPECT_EQ(image.rgb[0], 'a');
    EXPECT_THAT(warning, HasSubstr("a.png: its "));
  }
}

/// Of a printer that is as CMYK is in textbooks, but for a black that is a little red.
std::string cmyk_profile() {
  cmsHPROFILE profile = cmsCreateProfilePlaceholder(nullptr);
  cmsSetProfileVersion(profile, 2.4);
  cmsSetDeviceClass(profile, cmsSigOutputClass);
  cmsSetColorSpace(profile, cmsSigCmykData);
  cmsSetPCS(profile, cmsSigLabData);
  const auto sample = [](const cmsUInt16Number in[], cmsUInt16Number out[], void* to_lab) {
    const auto light = [&](int i) {
      return static_cast<std::uint8_t>((65535 - in[i]) / 257.0 * (65535 - in[3]) / 65535.0);
    };
    const std::uint8_t mixed[]{static_cast<std::uint8_t>(std::max<int>(light(0), in[3] / 1028)),
                               light(1), light(2)};
    cmsDoTransform(static_cast<cmsHTRANSFORM>(to_lab), mixed, out, 1);
    return TRUE;
  };
  cmsHPROFILE srgb = cmsCreate_sRGBProfile(), lab = cmsCreateLab2Profile(nullptr);
  cmsHTRANSFORM to_lab = cmsCreateTransform(srgb, TYPE_RGB_8, lab, TYPE_LabV2_16, INTENT_PERCEPTUAL,
                                            cmsFLAGS_NOOPTIMIZE);
  cmsPipeline* pipeline = cmsPipelineAlloc(nullptr, 4, 3);
  cmsStage* table = cmsStageAllocCLut16bit(nullptr, 9, 4, 3, nullptr);
  cmsStageSampleCLut16bit(table, sample, to_lab, 0);
  cmsPipelineInsertStage(pipeline, cmsAT_END, table);
  cmsWriteTag(profile, cmsSigAToB0Tag, pipeline);
  cmsPipelineFree(pipeline);
  cmsDeleteTransform(to_lab);
  cmsCloseProfile(srgb);
  cmsCloseProfile(lab);
  return saved(profile);
}

std::vector<std::byte> cmyk_jpeg() {
  std::ifstream file(SD_SOURCE_DIR "/fuzz/corpus/image/cmyk.jpg", std::ios::binary);
  return bytes_of({std::istreambuf_iterator<char>(file), {}});
}

TEST(Cmyk, IsConvertedByItsProfile) {
  const std::vector<std::byte> plain = cmyk_jpeg();
  const std::vector<std::byte> profiled = with_segments(plain, app2(cmyk_profile()));
  std::string warning;
  const DecodeOptions options{.warn = [&](const std::string& text) { warning = text; }};
  const Image without = decode_image(plain, "a"), with = decode_image(profiled, "a", options);
  EXPECT_EQ(warning, "");
  ASSERT_EQ(with.rgb.size(), without.rgb.size());
  EXPECT_NE(with.rgb, without.rgb);
  double difference = 0;
  for (std::size_t i = 0; i < with.rgb.size(); ++i)
    difference += std::abs(int{with.rgb[i]} - int{without.rgb[i]});
  EXPECT_LT(difference / static_cast<double>(with.rgb.size()), 25) << "inks inverted?";
}

}  // namespace
}  // namespace streamdiffusion::image

// What stands beside the pixels: orientation, the number of frames, the end of the file.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "image/codecs.h"
#include "image/files.h"
#include "image/page_count.h"
#include "support/errors.h"

namespace streamdiffusion::image {
namespace {

using streamdiffusion::testing::error_of;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// Black, with a white top left quarter.
Image marked(int width, int height) {
  Image image = flat(width, height, 0, 0, 0);
  for (int y = 0; y < height / 2; ++y)
    for (int x = 0; x < width / 2; ++x)
      for (int c = 0; c < 3; ++c)
        image.rgb[static_cast<std::size_t>(3 * (y * width + x) + c)] = 255;
  return image;
}

bool is_white(const Image& image, int x, int y) {
  return image.rgb[static_cast<std::size_t>(3 * (y * image.width + x))] > 128;
}

std::vector<std::byte> png_of(const Image& image, const std::string& chunks) {
  const std::vector<std::byte> plain = encode_png(image);
  constexpr std::ptrdiff_t kHeader = 33;
  std::vector<std::byte> all(plain.begin(), plain.begin() + kHeader);
  const std::vector<std::byte> between = bytes_of(chunks);
  all.insert(all.end(), between.begin(), between.end());
  all.insert(all.end(), plain.begin() + kHeader, plain.end());
  return all;
}

std::string xmp_with(int orientation) {
  return "<tiff:Orientation>" + std::to_string(orientation) + "</tiff:Orientation>";
}

/// As ImageMagick keeps a block of bytes in a text chunk.
std::string raw_profile_of(const std::string& name, const std::string& bytes) {
  std::string text = "\n" + name + "\n" + std::to_string(bytes.size());
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    constexpr std::size_t kBytesOfALine = 36;
    if (i % kBytesOfALine == 0) text += '\n';
    text += "0123456789abcdef"[static_cast<unsigned char>(bytes[i]) >> 4U];
    text += "0123456789abcdef"[static_cast<unsigned char>(bytes[i]) & 15U];
  }
  return text + "\n";
}

std::string text_chunk(const std::string& keyword, const std::string& text) {
  return png_chunk("tEXt", keyword + '\0' + text);
}

std::string compressed_chunk(const std::string& keyword, const std::string& text) {
  return png_chunk("zTXt", keyword + std::string(2, '\0') + deflated(text));
}

/// Every format that has an orientation, with that one.
std::vector<std::pair<std::string, std::vector<std::byte>>> oriented(int orientation, bool little) {
  const Image image = marked(32, 16);
  const std::string tiff = tiff_with_orientation(orientation, little);
  const std::string prefixed = std::string("Exif\0\0", 6) + tiff;
  const std::vector<std::byte> png = encode_png(image);
  std::string late(reinterpret_cast<const char*>(png.data()), png.size());
  late.insert(late.size() - 12, png_chunk("eXIf", tiff));  // before IEND
  const char digit = static_cast<char>('0' + orientation);
  const std::string xmp = little
                              ? R"(<rdf tiff:Orientation=")" + std::string{digit} + R"("/>)"
                              : "<tiff:Orientation>" + std::string{digit} + "</tiff:Orientation>";
  const std::string app1 = std::string("http://ns.adobe.com/xap/1.0/\0", 29) + xmp;
  const std::string itxt = std::string("XML:com.adobe.xmp\0\0\0en\0XMP\0", 27) + xmp;
  const std::string other = xmp_with(orientation % 8 + 1);
  return {
      {"jpeg", with_segments(encode_jpeg(image, 95), jpeg_segment(0xe1, prefixed))},
      {"jpeg with XMP", with_segments(encode_jpeg(image, 95), jpeg_segment(0xe1, app1))},
      {"png with XMP", png_of(image, png_chunk("iTXt", itxt))},
      {"png with compressed XMP",
       png_of(image,
              png_chunk("iTXt", std::string("XML:com.adobe.xmp\0\1\0\0\0", 22) + deflated(xmp)))},
      {"png with a raw profile of EXIF",
       png_of(image, text_chunk("Raw profile type exif", raw_profile_of("exif", prefixed)))},
      {"png with a compressed one",
       png_of(image, compressed_chunk("Raw profile type exif", raw_profile_of("exif", tiff)))},
      {"png with a raw profile of APP1",
       png_of(image, compressed_chunk("Raw profile type APP1", raw_profile_of("APP1", prefixed)))},
      {"png with a raw profile of XMP",
       png_of(image, text_chunk("Raw profile type APP1", raw_profile_of("APP1", app1)))},
      {"png whose block and raw profile differ",
       png_of(image,
              compressed_chunk("Raw profile type exif",
                               raw_profile_of("exif", tiff_with_orientation(orientation % 8 + 1))) +
                  png_chunk("eXIf", tiff))},
      {"webp with XMP", webp_file(image, 0x04, "", riff_chunk("XMP ", xmp))},
      {"webp whose EXIF and XMP differ",
       webp_file(image, 0x0c, "", riff_chunk("EXIF", tiff) + riff_chunk("XMP ", other))},
      {"png", png_of(image, png_chunk("eXIf", tiff))},
      {"png with the block last", bytes_of(late)},
      {"webp", webp_file(image, 0x08, "", riff_chunk("EXIF", tiff))},
      {"webp with JPEG's prefix", webp_file(image, 0x08, "", riff_chunk("EXIF", prefixed))}};
}

TEST(Orientation, IsHonoredInEveryFormat) {
  for (const bool little : {true, false}) {
    for (int orientation = 1; orientation <= 8; ++orientation) {
      for (const auto& [name, file] : oriented(orientation, little)) {
        const Image image = decode_image(file, name);
        const std::string what = name + ", " + std::to_string(orientation);
        ASSERT_EQ(image.width, orientation >= 5 ? 16 : 32) << what;
        const bool right =
            orientation == 2 || orientation == 3 || orientation == 6 || orientation == 7;
        const bool below =
            orientation == 3 || orientation == 4 || orientation == 7 || orientation == 8;
        const int left = 2, top = 2, last_x = image.width - 3, last_y = image.height - 3;
        EXPECT_TRUE(is_white(image, right ? last_x : left, below ? last_y : top)) << what;
        EXPECT_FALSE(is_white(image, right ? left : last_x, below ? top : last_y)) << what;
      }
    }
  }
}

TEST(Orientation, OfAMalformedPacketIsNone) {
  for (const std::string xmp :
       {"tiff:Orientation", "tiff:Orientation=", "tiff:Orientation=\"", "tiff:Orientation>",
        "tiff:Orientation>x<", "tiff:Orientation>9<", "tiff:Orientation>0<", "tiff:Orientation>-3<",
        "tiff:Orientation>99999999999999999999<", "tiff:Orientation 6"}) {
    EXPECT_EQ(xmp_orientation(bytes_of(xmp)), std::nullopt) << xmp;
  }
  EXPECT_EQ(xmp_orientation(bytes_of("tiff:Orientation='6'")), 6);
}

TEST(Orientation, OfAMalformedTextIsNone) {
  const Image image = marked(32, 16);
  const std::string profile = raw_profile_of("exif", tiff_with_orientation(6));
  const std::string name = "Raw profile type exif";
  const std::string flawed = deflated(profile).substr(0, 12);
  for (const std::string& chunk :
       {png_chunk("tEXt", name), text_chunk(name, ""), text_chunk(name, "\nexif"),
        text_chunk(name, "\nexif\n40\nxyz"), text_chunk(name, profile.substr(0, 20)),
        png_chunk("zTXt", name + '\0'), png_chunk("zTXt", name + std::string("\0\1", 2) + profile),
        png_chunk("zTXt", name + std::string(2, '\0') + flawed), png_chunk("iTXt", name + '\0'),
        png_chunk("iTXt", std::string("XML:com.adobe.xmp\0\1\0\0", 21) + profile),
        compressed_chunk(name, std::string(std::size_t{64} << 20U, '\n'))}) {
    EXPECT_EQ(decode_image(png_of(image, chunk), "a").width, 32);
  }
}

TEST(Animation, IsRefusedByName) {
  const std::string control = big_endian(3) + big_endian(0);
  EXPECT_EQ(error_of([&] { decode_image(png_of(marked(8, 8), png_chunk("acTL", control)), "a"); }),
            "a: an animated PNG of 3 frames, expected a still image");
  EXPECT_EQ(
      error_of([&] { read_image_size(png_of(marked(8, 8), png_chunk("acTL", control)), "a"); }),
      "a: an animated PNG of 3 frames, expected a still image");
  const std::string one = big_endian(1) + big_endian(0);
  EXPECT_EQ(decode_image(png_of(marked(8, 8), png_chunk("acTL", one)), "a").width, 8);

  const std::vector<std::byte> still = encode_webp(marked(8, 8), 90);
  const std::string frame =
      std::string(6, '\0') + std::string("\7\0\0\7\0\0\x64\0\0\0", 10) +
      std::string(reinterpret_cast<const char*>(still.data()) + 12, still.size() - 12);
  const std::string body = riff_chunk("VP8X", std::string("\2\0\0\0\7\0\0\7\0\0", 10)) +
                           riff_chunk("ANIM", std::string(6, '\0')) + riff_chunk("ANMF", frame) +
                           riff_chunk("ANMF", frame);
  const std::string file = riff_chunk("RIFF", "WEBP" + body);
  EXPECT_EQ(error_of([&] { decode_image(bytes_of(file), "a"); }),
            "a: an animated WebP of 2 frames, expected a still image");
  EXPECT_EQ(error_of([&] { read_image_size(bytes_of(file), "a"); }),
            "a: an animated WebP, expected a still image");
  EXPECT_EQ(error_of([&] { decode_image(bytes_of("GIF89a......"), "a"); }),
            "a: a GIF, expected a PNG, a JPEG or a WebP image");
}

Image noise() {
  Image image = flat(64, 64, 0, 0, 0);
  std::uint32_t state = 1;
  for (std::uint8_t& value : image.rgb) {
    state = state * 1664525U + 1013904223U;
    value = static_cast<std::uint8_t>(state >> 24U);
  }
  return image;
}

TEST(Truncation, AWebpIsDrawnWithAWarningAsFarAsItGoes) {
  std::vector<std::byte> file = encode_webp(noise(), 90);
  const Image whole = decode_image(file, "a");
  file.resize(file.size() * 2 / 3);
  std::string warning;
  const Image part =
      decode_image(file, "cut.webp", {.warn = [&](const std::string& text) { warning = text; }});
  EXPECT_THAT(warning, HasSubstr("cut.webp: the file ends early; "));
  ASSERT_EQ(part.rgb.size(), whole.rgb.size());
  EXPECT_TRUE(std::equal(part.rgb.begin(), part.rgb.begin() + 3 * 64, whole.rgb.begin()));
  EXPECT_EQ(part.rgb.back(), 255) << "what is missing is white";
  file.resize(40);
  EXPECT_THAT(error_of([&] { decode_image(file, "a"); }), HasSubstr("a: libwebp cannot decode it"));
}

/// The last bytes may be padding, a checksum or a marker, without which all pixels are there.
TEST(Truncation, AFileWithoutItsLastBytesIsDrawnWithAWarning) {
  Image odd = noise();
  for (int i = 0; i < 2; ++i) {  // files of even and of odd length
    odd.rgb[0] = static_cast<std::uint8_t>(odd.rgb[0] + i);
    for (const auto& whole : {encode_webp(odd, 90), encode_jpeg(odd, 90), encode_png(odd)}) {
      const Image expected = decode_image(whole, "a");
      for (std::size_t lost = 1; lost <= 12; ++lost) {
        std::string warning;
        const Image part = decode_image(std::span(whole).first(whole.size() - lost), "a",
                                        {.warn = [&](const std::string& text) { warning = text; }});
        EXPECT_NE(warning, "") << lost << " of " << whole.size();
        EXPECT_TRUE(
            std::equal(expected.rgb.begin(), expected.rgb.begin() + 3 * 64 * 16, part.rgb.begin()))
            << lost << " of " << whole.size();
      }
    }
  }
}

TEST(Truncation, AJpegIsDrawnWithAWarning) {
  const std::vector<std::byte> whole = encode_jpeg(noise(), 95);
  for (const std::size_t missing :
       {std::size_t{1}, std::size_t{2}, std::size_t{40}, whole.size() / 2}) {
    const std::vector<std::byte> part(whole.begin(),
                                      whole.end() - static_cast<std::ptrdiff_t>(missing));
    std::vector<std::string> warnings;
    const Image image = decode_image(
        part, "cut.jpg", {.warn = [&](const std::string& text) { warnings.push_back(text); }});
    EXPECT_EQ(image.height, 64) << missing;
    ASSERT_EQ(warnings.size(), 1U) << missing;
    EXPECT_THAT(warnings[0], HasSubstr("cut.jpg: libjpeg says \"Premature end"));
  }
  std::vector<std::string> warnings;
  decode_image(whole, "a", {.warn = [&](const std::string& text) { warnings.push_back(text); }});
  EXPECT_THAT(warnings, IsEmpty());
}

TEST(Truncation, APngIsDrawnIfItsPixelsAreThere) {
  std::string warning;
  const DecodeOptions options{.warn = [&](const std::string& text) { warning = text; }};
  const Image image = decode_image(
      png_file({.width = 3, .height = 2, .pixel = "abc", .ended = false}), "a", options);
  EXPECT_EQ(image.rgb[17], 'c');
  EXPECT_THAT(warning, HasSubstr("a: the file ends early"));
}

/// An MPO's index, by CIPA DC-007: the number of images, and an entry for each with its kind.
std::string mpo_index(const std::vector<std::uint32_t>& kinds) {
  const auto count = static_cast<std::uint32_t>(kinds.size());
  constexpr std::uint32_t kLong = 4, kUndefined = 7, kEntryBytes = 16, kEntriesAt = 38;
  std::string index = std::string("MPF\0MM\0*", 8) + big_endian(8) + big_endian(2, 2) +
                      big_endian(0xb001, 2) + big_endian(kLong, 2) + big_endian(1) +
                      big_endian(count) + big_endian(0xb002, 2) + big_endian(kUndefined, 2) +
                      big_endian(kEntryBytes * count) + big_endian(kEntriesAt) + big_endian(0);
  for (const std::uint32_t kind : kinds)
    index += big_endian(kind) + std::string(kEntryBytes - 4, '\0');
  return index;
}

TEST(SeveralImages, InAJpegAreSaid) {
  const auto said = [](const std::string& index) {
    std::string warning;
    const auto jpeg =
        with_segments(encode_jpeg(flat(8, 8, 9, 9, 9), 90), jpeg_segment(0xe2, index));
    const DecodeOptions options{.warn = [&](const std::string& text) { warning += text; }};
    EXPECT_EQ(decode_image(jpeg, "a.jpg", options).width, 8);
    return warning;
  };
  constexpr std::uint32_t kFirst = 0x20030000, kView = 0x020002, kThumbnail = 0x010001;
  EXPECT_EQ(said(mpo_index({kFirst, kView, kView})),
            "a.jpg: holds 3 images (MPO); the first is used");
  EXPECT_EQ(said(mpo_index({kFirst, kThumbnail})), "");
  EXPECT_EQ(said(mpo_index({kFirst})), "");
  EXPECT_EQ(said(mpo_index({})), "");
  EXPECT_EQ(said(std::string("MPF\0MM\0*\xff\xff\xff\xff", 12)), "");
  std::string lying = mpo_index({kFirst, kView});
  lying.replace(30, 4, "\xff\xff\xff\xff");  // where the entries are
  EXPECT_LT(said(lying).size(), 60U);
}

TEST(SeveralImages, InATiffAreCounted) {
  const auto page = [](std::uint32_t next) {
    return big_endian(1, 2) + std::string(12, '\0') + big_endian(next);
  };
  const std::string head = std::string("MM\0*", 4) + big_endian(8);
  const auto count = [](const std::string& file) { return count_tiff_pages(bytes_of(file)); };
  EXPECT_EQ(count(head + page(0)), 1U);
  EXPECT_EQ(count(head + page(26) + page(0)), 2U);
  EXPECT_EQ(count(head + page(8)), 1000U);  // a chain without an end
  EXPECT_EQ(count(head + page(0xffffffff)), 2U);
  EXPECT_EQ(count(""), 1U);
  EXPECT_EQ(count("GIF89a"), 1U);
}

TEST(OtherFormats, AreNamed) {
  const std::pair<std::string, const char*> cases[]{{std::string("\0\0\0\x18"
                                                                 "ftypheic",
                                                                 12),
                                                     "a HEIC image"},
                                                    {std::string("\0\0\0\x18"
                                                                 "ftypavif",
                                                                 12),
                                                     "an AVIF image"},
                                                    {"BM......", "a BMP"},
                                                    {std::string("II*\0....", 8), "a TIFF"},
                                                    {"<!DOCTYPE html><html>", "a web page"},
                                                    {"<svg xmlns=", "an SVG drawing"},
                                                    {"%PDF-1.7", "a PDF"}};
  for (const auto& [bytes, name] : cases)
    EXPECT_THAT(error_of([&, &text = bytes] { decode_image(bytes_of(text), "x"); }),
                HasSubstr(std::string("x: ") + name + ", expected a PNG"));
  EXPECT_THAT(error_of([] {
                decode_image(bytes_of("version https://git-lfs.github.com/spec/v1\noid sha256:0\n"),
                             "x.png");
              }),
              HasSubstr("git lfs pull"));
}

}  // namespace
}  // namespace streamdiffusion::image

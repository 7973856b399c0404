// safetensors files, whole and lying.
#include "weights/safetensors.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <fstream>

#include "support/errors.h"
#include "support/temporary_folder.h"

namespace streamdiffusion::weights {
namespace {

using base::ErrorCode;
using testing::expect_error;
using testing::TemporaryFolder;

std::string length_prefix(std::uint64_t length) {
  std::string out(8, '\0');
  for (std::size_t i = 0; i < 8; ++i) out[i] = static_cast<char>(length >> (8 * i));
  return out;
}

std::string image(const std::string& header, std::size_t data) {
  return length_prefix(header.size()) + header + std::string(data, '\1');
}

std::vector<StoredTensor> parse(const std::string& file) {
  return parse_safetensors(std::as_bytes(std::span(file)), file.size(), "m.safetensors");
}

std::span<const std::byte> data_of(const std::string& file, const StoredTensor& tensor) {
  return std::as_bytes(std::span(file)).subspan(tensor.offset, tensor.bytes);
}

struct Malformed {
  const char* name;
  std::string file;
  std::string message;
  ErrorCode code = ErrorCode::corrupt_file;
};

std::string one(const std::string& entry, std::size_t data = 8) {
  return image("{\"t\":" + entry + "}", data);
}

std::vector<Malformed> malformed_files() {
  const std::string good = R"({"dtype":"F32","shape":[2],"data_offsets":[0,8]})";
  return {
      {"empty", "", "0 bytes"},
      {"git_lfs_pointer", "version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
       "pointer of Git LFS"},
      {"seven_bytes", std::string(7, 'x'), "7 bytes"},
      {"header_past_the_end", length_prefix(100) + "{}", "header of 100 bytes in a file of 10"},
      {"header_of_all_ones", length_prefix(~0ULL) + "{}", "would be 18446744073709551615"},
      {"header_over_the_limit", length_prefix(100'000'001) + "{}", "at most 100000000"},
      {"gguf", "GGUF" + std::string(60, '\3'), "a GGUF file", ErrorCode::unsupported},
      {"pickle", "\x80\x02}q" + std::string(60, '0'), "a pickle", ErrorCode::unsupported},
      {"zip", "PK\3\4" + std::string(60, '0'), "a pickle", ErrorCode::unsupported},
      {"web_page", "<!DOCTYPE html>" + std::string(60, '0'), "a web page", ErrorCode::unsupported},
      {"header_of_nothing", length_prefix(0), "not valid JSON"},
      {"header_is_an_array", image("[]", 0), "an empty array, expected an object of tensors"},
      {"header_is_cut_json", image("{\"t\":", 0), "not valid JSON"},
      {"entry_is_no_object", one("3"), "\"t\" is 3, expected an object"},
      {"no_dtype", one(R"({"shape":[2],"data_offsets":[0,8]})"), "key \"dtype\" is missing"},
      {"no_shape", one(R"({"dtype":"F32","data_offsets":[0,8]})"), "key \"shape\" is missing"},
      {"no_offsets", one(R"({"dtype":"F32","shape":[2]})"), "key \"data_offsets\" is missing"},
      {"unknown_key", one(R"({"dtype":"F32","shape":[2],"data_offsets":[0,8],"x":1})"),
       "unknown key \"x\""},
      {"unknown_dtype", one(R"({"dtype":"F31","shape":[2],"data_offsets":[0,8]})"), "\"F31\""},
      {"dtype_not_read", one(R"({"dtype":"F4","shape":[16],"data_offsets":[0,8]})"),
       "dtype F4, expected F32", ErrorCode::unsupported},
      {"negative_dim", one(R"({"dtype":"F32","shape":[-2],"data_offsets":[0,8]})"),
       "\"shape\"[0] is -2"},
      {"fractional_dim", one(R"({"dtype":"F32","shape":[2.0],"data_offsets":[0,8]})"),
       "\"shape\"[0] is 2"},
      {"dims_overflow",
       one(R"({"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8]})"), "overflows"},
      {"bytes_overflow",
       one(R"({"dtype":"F32","shape":[4611686018427387904],"data_offsets":[0,8]})"), "overflows"},
      {"too_many_dims",
       one(R"({"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,2],"data_offsets":[0,8]})"),
       "at most 16 dimensions"},
      {"one_offset", one(R"({"dtype":"F32","shape":[2],"data_offsets":[8]})"), "[begin, end]"},
      {"offset_past_the_end", one(R"({"dtype":"F32","shape":[2],"data_offsets":[1,9]})"),
       "the file has 8 bytes"},
      {"offset_enormous",
       one(R"({"dtype":"F32","shape":[2],"data_offsets":[0,18446744073709551615]})"),
       "\"data_offsets\"[1]"},
      {"begin_after_end", one(R"({"dtype":"F32","shape":[2],"data_offsets":[8,0]})"), "[8, 0]"},
      {"negative_offset", one(R"({"dtype":"F32","shape":[2],"data_offsets":[-8,0]})"), "is -8"},
      {"size_is_not_the_shape", one(R"({"dtype":"F32","shape":[3],"data_offsets":[0,8]})"),
       "needs 12"},
      {"overlap",
       image("{\"t\":" + good + R"(,"u":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})", 12),
       "\"u\" overlaps"},
      {"same_bytes", image("{\"t\":" + good + ",\"u\":" + good + "}", 8), "overlaps"},
      {"hole_in_front", one(R"({"dtype":"F32","shape":[1],"data_offsets":[4,8]})"),
       "4 bytes before tensor \"t\""},
      {"hole_between",
       image("{\"t\":" + good + R"(,"u":{"dtype":"F32","shape":[1],"data_offsets":[12,16]}})", 16),
       "4 bytes before tensor \"u\""},
      {"trailing_bytes", one(good, 9), "1 bytes after the last tensor"},
      {"data_without_tensors", image("{}", 4), "4 bytes after"},
      {"name_twice", image("{\"t\":" + good + ",\"t\":" + good + "}", 8), "\"t\" appears twice"},
      {"nested_header", image(std::string(1000, '['), 0), "nested deeper"},
  };
}

class MalformedSafetensors : public ::testing::TestWithParam<Malformed> {};

TEST_P(MalformedSafetensors, EndsInAClearError) {
  expect_error([&] { parse(GetParam().file); }, GetParam().code,
               {"m.safetensors", GetParam().message});
}

INSTANTIATE_TEST_SUITE_P(Files, MalformedSafetensors, ::testing::ValuesIn(malformed_files()),
                         [](const auto& param) { return param.param.name; });

TEST(Safetensors, ReadsNamesTypesAndDims) {
  const std::string file = image(R"({"__metadata__":{"format":"pt"},
    "b":{"dtype":"BF16","shape":[1,2],"data_offsets":[4,8]},"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]},
    "e":{"dtype":"F16","shape":[0,3],"data_offsets":[8,8]}, "i":{"dtype":"I64","shape":[1],"data_offsets":[8,16]}})",
                                 16);
  const auto tensors = parse(file);
  ASSERT_EQ(tensors.size(), 4U);
  EXPECT_EQ(tensors[0].name, "a");
  EXPECT_EQ(tensors[0].elements(), 1);
  EXPECT_EQ(tensors[1].dtype, StoredType::bf16);
  EXPECT_EQ(tensors[1].dims, (std::vector<std::int64_t>{1, 2}));
  EXPECT_EQ(tensors[2].elements(), 0);
  EXPECT_EQ(tensors[3].dtype, StoredType::i64);
}

TEST(Safetensors, AcceptsAnyAlignmentOfTheData) {
  for (std::size_t spaces = 0; spaces < 4; ++spaces) {
    std::string header =
        R"({"t":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}})" + std::string(spaces, ' ');
    const std::string file = image(header, 4);
    const auto tensors = parse(file);
    std::vector<float> out(2);
    to_f32(tensors[0], data_of(file, tensors[0]), out, "m.safetensors");
    EXPECT_EQ(out[1], 257 * 0x1p-24F);  // 0x0101, a subnormal
  }
}

TEST(Safetensors, WhatIsWrittenIsReadBack) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "w.safetensors";
  const std::vector<float> values{0.0F, -1.5F, 3.0e38F, 1e-40F, 1.0F + 0x1p-9F, 7.0F};
  const std::vector<TensorToWrite> tensors{{"z \"quoted\"", {2, 3}, values},
                                           {"half", {6}, values, tensor::DType::bf16},
                                           {"nothing", {0, 4}, {}}};
  write_safetensors(path, tensors);
  const SafetensorsFile file(path);
  ASSERT_EQ(file.tensors().size(), 3U);  // sorted by name
  const StoredTensor &half = file.tensors()[0], &nothing = file.tensors()[1],
                     &z = file.tensors()[2];
  std::vector<float> out(6);
  EXPECT_EQ(z.name, "z \"quoted\"");
  file.read_f32(z, out);
  EXPECT_EQ(std::memcmp(out.data(), values.data(), 24), 0);
  EXPECT_EQ(half.name, "half");
  file.read_f32(half, out);
  EXPECT_EQ(out[1], -1.5F);
  EXPECT_EQ(out[4], 1.0F);  // rounded to bfloat16
  EXPECT_EQ(nothing.name, "nothing");
  EXPECT_EQ(nothing.elements(), 0);
}

TEST(Safetensors, EveryTruncationOfAFileIsRefused) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "w.safetensors";
  write_safetensors(
      path, std::vector<TensorToWrite>{{"a", {2}, {1, 2}}, {"b", {1}, {3}, tensor::DType::bf16}});
  std::ifstream in(path, std::ios::binary);
  const std::string whole{std::istreambuf_iterator<char>(in), {}};
  EXPECT_EQ(parse(whole).size(), 2U);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_THROW(parse(whole.substr(0, size)), base::Error) << size;
  }
}

TEST(Safetensors, LargeTensorsAreConvertedWhole) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "w.safetensors";
  std::vector<float> values(300'001);  // more than is read at a time, and an odd number
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 251);
  write_safetensors(path,
                    std::vector<TensorToWrite>{{"a", {300'001}, values, tensor::DType::bf16}});
  const SafetensorsFile file(path);
  std::vector<float> out(values.size());
  file.read_f32(file.tensors()[0], out);
  EXPECT_EQ(out, values);
}

TEST(Safetensors, RefusesToConvertIntegersAndWrongSizes) {
  const std::string file = image(R"({"i":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}})", 8);
  const auto tensors = parse(file);
  std::vector<float> out(1);
  expect_error([&] { to_f32(tensors[0], data_of(file, tensors[0]), out, "m.safetensors"); },
               ErrorCode::unsupported, {"\"i\"", "I64", "F32"});
}

TEST(Safetensors, OneNumberMayBeOfAnyType) {
  const TemporaryFolder folder;
  const auto read = [&](const std::string& type, const auto& number, const char* shape = "[]") {
    const std::string header = R"({"n":{"dtype":")" + type + R"(","shape":)" + shape +
                               R"(,"data_offsets":[0,)" + std::to_string(sizeof number) + "]}}";
    std::string bytes = image(header, sizeof number);
    std::memcpy(bytes.data() + bytes.size() - sizeof number, &number, sizeof number);
    const SafetensorsFile file(folder.write("n.safetensors", bytes));
    return file.read_number(file.tensors()[0]);
  };
  EXPECT_EQ(read("F64", -2.5), -2.5);
  EXPECT_EQ(read("F32", 0.5F, "[1,1]"), 0.5);
  EXPECT_EQ(read("F16", std::uint16_t{0x4000}), 2);
  EXPECT_EQ(read("BF16", std::uint16_t{0x4080}), 4);
  EXPECT_EQ(read("F8_E4M3", std::uint8_t{0x38}), 1);
  EXPECT_EQ(read("F8_E5M2", std::uint8_t{0x40}), 2);
  EXPECT_EQ(read("F8_E8M0", std::uint8_t{130}), 8);
  EXPECT_EQ(read("I64", std::int64_t{-4}), -4);
  EXPECT_EQ(read("U64", std::uint64_t{1} << 63U), 0x1p63);
  EXPECT_EQ(read("I32", std::int32_t{-4}), -4);
  EXPECT_EQ(read("U32", std::uint32_t{0xffffffff}), 4294967295.0);
  EXPECT_EQ(read("I16", std::int16_t{-4}), -4);
  EXPECT_EQ(read("U16", std::uint16_t{65535}), 65535);
  EXPECT_EQ(read("I8", std::int8_t{-4}), -4);
  EXPECT_EQ(read("U8", std::uint8_t{255}), 255);
  EXPECT_EQ(read("BOOL", std::uint8_t{1}), 1);
  expect_error([&] { read("C64", std::uint64_t{0}); }, ErrorCode::unsupported, {"C64", "real"});
  expect_error([&] { read("I32", std::uint64_t{0}, "[2]"); }, ErrorCode::corrupt_file,
               {"[2]", "one number"});
  expect_error([&] { read("F8_E8M0", std::uint8_t{255}); }, ErrorCode::corrupt_file, {"finite"});
  expect_error([&] { read("F64", std::uint64_t{0x7ff0000000000000}); }, ErrorCode::corrupt_file,
               {"inf", "finite"});
}

TEST(Safetensors, WriterRefusesValuesThatDoNotFillTheShape) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "w.safetensors";
  expect_error(
      [&] {
        write_safetensors(path, std::vector<TensorToWrite>{{"a", {3}, {1}}});
      },
      ErrorCode::invalid_argument, {"\"a\"", "[3]", "1 values"});
  expect_error([&] { write_safetensors("no/such/dir/w", std::vector<TensorToWrite>{}); },
               ErrorCode::io, {"no/such/dir/w"});
}

/// Every code of both 8-bit floats, against PyTorch.
TEST(Safetensors, ReadsEightBitFloats) {
  const SafetensorsFile file(SD_TEST_DATA_DIR "/weights/float8.safetensors");
  ASSERT_EQ(file.tensors().size(), 4U);
  for (const std::size_t first : {0U, 2U}) {
    const StoredTensor &codes = file.tensors()[first], &expected = file.tensors()[first + 1];
    ASSERT_EQ(expected.name, codes.name + ".expected");
    ASSERT_EQ(codes.elements(), 256);
    std::vector<float> found(256), values(256);
    file.read_f32(codes, found);
    file.read_f32(expected, values);
    for (std::size_t i = 0; i < found.size(); ++i) {
      ASSERT_EQ(std::isnan(found[i]), std::isnan(values[i])) << codes.name << " " << i;
      if (std::isnan(values[i])) continue;
      ASSERT_EQ(found[i], values[i]) << codes.name << " " << i;
      ASSERT_EQ(std::signbit(found[i]), std::signbit(values[i])) << codes.name << " " << i;
    }
  }
}

}  // namespace
}  // namespace streamdiffusion::weights

// Datagrams of OSC: as liblo writes them, and as nobody should.
#include "osc/packet.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <lo/lo.h>

#include "base/error.h"

namespace streamdiffusion::osc {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

/// What liblo itself would send.
std::string written(const char* address, lo_message message) {
  std::size_t size = 0;
  void* bytes = lo_message_serialise(message, address, nullptr, &size);
  std::string out(static_cast<char*>(bytes), size);
  std::free(bytes);
  lo_message_free(message);
  return out;
}

std::string word(std::uint32_t value) {
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xffU);
  return out;
}

std::string bundle(const std::vector<std::string>& elements) {
  std::string out("#bundle\0\0\0\0\0\0\0\0\1", 16);
  for (const std::string& element : elements) {
    out += word(static_cast<std::uint32_t>(element.size())) + element;
  }
  return out;
}

std::string problem_of(const std::string& datagram) {
  try {
    read_packet(datagram);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
    return error.what();
  }
  return "nothing";
}

TEST(OscPacket, EveryKindOfArgumentIsRead) {
  lo_message message = lo_message_new();
  lo_message_add(message, "ihfdsSTF", 7, std::int64_t{1} << 40, 0.7F, 0.1, "red apple", "symbol");
  const auto read = read_packet(written("/streamdiffusion/seed", message));
  ASSERT_THAT(read, SizeIs(1));
  EXPECT_EQ(read[0].address, "/streamdiffusion/seed");
  EXPECT_THAT(read[0].arguments,
              ElementsAre(Argument(std::int64_t{7}), Argument(std::int64_t{1} << 40), Argument(0.7),
                          Argument(0.1), Argument(std::string("red apple")),
                          Argument(std::string("symbol")), Argument(true), Argument(false)));
}

TEST(OscPacket, AMessageWithoutTypesHasNoArguments) {
  const auto read = read_packet(std::string("/seed\0\0\0", 8));
  ASSERT_THAT(read, SizeIs(1));
  EXPECT_EQ(read[0].address, "/seed");
  EXPECT_THAT(read[0].arguments, IsEmpty());
}

TEST(OscPacket, BundlesAreReadInOrder) {
  lo_message one = lo_message_new(), two = lo_message_new();
  lo_message_add(one, "i", 1);
  lo_message_add(two, "i", 2);
  const std::string first = written("/a", one), second = written("/b", two);
  const auto read = read_packet(bundle({first, bundle({second}), first}));
  ASSERT_THAT(read, SizeIs(3));
  EXPECT_EQ(read[1].address, "/b");
  EXPECT_EQ(read[2].address, "/a");
}

TEST(OscPacket, WhatIsWrittenIsReadAgain) {
  const Message message{"/streamdiffusion/x",
                        {std::int64_t{-3}, std::int64_t{1} << 33, 0.25, true, std::string("ß")}};
  const auto read = read_packet(write_packet(message));
  ASSERT_THAT(read, SizeIs(1));
  EXPECT_EQ(read[0].address, message.address);
  EXPECT_EQ(read[0].arguments, message.arguments);
}

TEST(OscPacket, WhatIsNoPacketIsNamed) {
  EXPECT_THAT(problem_of(""), HasSubstr("0 bytes, expected a multiple of 4"));
  EXPECT_THAT(problem_of("abc"), HasSubstr("3 bytes"));
  EXPECT_THAT(problem_of("abcd"), HasSubstr("ends within its address"));
  EXPECT_THAT(problem_of(std::string("abc\0", 4)), HasSubstr("begins with /"));
  EXPECT_THAT(problem_of(std::string("/a\0\0,iii", 8)), HasSubstr("ends within its types"));
  EXPECT_THAT(problem_of(std::string("/a\0\0i\0\0\0", 8)), HasSubstr("expected a comma"));
  EXPECT_THAT(problem_of(std::string("/a\0\0,i\0\0", 8)), HasSubstr("do not have the length"));
  EXPECT_THAT(problem_of(std::string("/a\0\0,s\0\0abcd", 12)), HasSubstr("do not have the length"));
  EXPECT_THAT(problem_of(std::string("/a\0\0,b\0\0\0\0\0\0", 12)),
              HasSubstr("argument 1 has the OSC type \"b\", expected one of"));
  EXPECT_THAT(problem_of(std::string("/a\0\0,[i]\0\0\0\0\0\0\0\1", 16)), HasSubstr("\"[\""));
}

TEST(OscPacket, TextIsUtf8) {
  const Message message{"/prompt",
                        {std::string("ma\xc3\xb1"
                                     "ana \xe2\x82\xac")}};
  EXPECT_EQ(read_packet(write_packet(message))[0].arguments, message.arguments);
  for (const char* text : {"caf\xe9", "\xc3", "\xed\xa0\x80", "a\xffz"}) {
    EXPECT_THAT(problem_of(write_packet({"/prompt", {std::int64_t{1}, std::string(text)}})),
                ::testing::AllOf(HasSubstr("\"/prompt\": argument 2 is"),
                                 HasSubstr("expected text in UTF-8")));
  }
}

TEST(OscPacket, LyingBundlesAreNamed) {
  const std::string head("#bundle\0\0\0\0\0\0\0\0\1", 16);
  EXPECT_THAT(problem_of(head.substr(0, 12)), HasSubstr("an OSC bundle has 12 bytes"));
  EXPECT_THAT(problem_of(head + word(0xfffffff0)), HasSubstr("but only 0 follow"));
  EXPECT_THAT(problem_of(head + word(64) + std::string("/a\0\0", 4)), HasSubstr("but only"));
  EXPECT_THAT(problem_of(head + word(0)), HasSubstr("0 bytes"));
  std::string deep = std::string("/a\0\0", 4);
  for (int i = 0; i < 6; ++i) deep = bundle({deep});
  EXPECT_THAT(problem_of(deep), HasSubstr("nested deeper than 4"));
}

TEST(OscPacket, SizesAreBounded) {
  const std::string message("/a\0\0", 4);
  EXPECT_THAT(problem_of(bundle(std::vector<std::string>(257, message))),
              HasSubstr("more than 256 messages"));
  EXPECT_THAT(problem_of(std::string(8196, '\0')), HasSubstr("more than 8192 bytes"));
  std::string types = "," + std::string(300, 'T');
  types.resize(304, '\0');
  EXPECT_THAT(problem_of(message + types), HasSubstr("at most 256"));
}

}  // namespace
}  // namespace streamdiffusion::osc

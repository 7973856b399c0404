// Messages between the server and the process of a peer, whole and broken.
#include "webrtc/message.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "streamdiffusion/error.h"

namespace streamdiffusion::testing {
namespace {

using webrtc::Message;
using webrtc::MessageKind;
using webrtc::MessageReader;
using webrtc::write_message;

TEST(PeerMessage, IsReadFromAnyPieces) {
  const std::string bytes = write_message(MessageKind::text, "one") +
                            write_message(MessageKind::next, "") +
                            write_message(MessageKind::answer, std::string(3000, 'x'));
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, bytes.size()}) {
    MessageReader reader(4000);
    std::vector<Message> read;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      reader.add(std::string_view(bytes).substr(at, piece));
      while (auto message = reader.next()) read.push_back(std::move(*message));
    }
    ASSERT_EQ(read.size(), 3U) << piece;
    EXPECT_EQ(read[0].body, "one");
    EXPECT_EQ(read[1].kind, MessageKind::next);
    EXPECT_EQ(read[2].body.size(), 3000U);
  }
}

TEST(PeerMessage, ALongBodyIsRefusedBeforeItComes) {
  MessageReader reader(100);
  reader.add(webrtc::write_message_head(MessageKind::image, 101));
  EXPECT_THROW(reader.next(), Error);
}

TEST(PeerMessage, AnUnknownKindIsRefused) {
  for (const char kind : {'\0', '\x0c', '\xff'}) {
    MessageReader reader(100);
    reader.add(std::string(1, kind) + std::string(4, '\0'));
    EXPECT_THROW(reader.next(), Error);
  }
}

TEST(PeerImage, GoesThroughBytesUnchanged) {
  for (const auto& [width, height] : {std::pair(64, 32), std::pair(7, 5), std::pair(1, 1)}) {
    Image image{width, height, std::vector<std::uint8_t>(3U * width * height, 200)};
    std::string planes;
    write(image, webrtc::image_target(planes, width, height));
    const std::string body = webrtc::write_image_head(width, height) + planes;
    const Image read = to_image(webrtc::read_image(body, 4096));
    ASSERT_EQ(read.width, width);
    ASSERT_EQ(read.height, height);
    for (const int value : read.rgb) EXPECT_LE(std::abs(value - 200), 2);
  }
}

TEST(PeerImage, KeepsItsMark) {
  for (const int mark : {0, 1, 127, 128, 255}) {
    const auto byte = static_cast<std::uint8_t>(mark);
    EXPECT_EQ(webrtc::image_mark(webrtc::write_image_head(4, 4, byte) + std::string(24, 'x')),
              byte);
  }
}

TEST(PeerImage, WhatItsSizeDoesNotFitIsRefused) {
  const auto refusal = [](const std::string& body) -> std::string {
    try {
      webrtc::read_image(body, 4096);
    } catch (const Error& error) {
      return error.what();
    }
    return "accepted";
  };
  EXPECT_EQ(refusal(webrtc::write_image_head(4, 4) + std::string(24, 'x')), "accepted");
  EXPECT_EQ(refusal(webrtc::write_image_head(4, 4) + std::string(23, 'x')),
            "an image of 4x4 has 23 bytes, expected 24");
  EXPECT_EQ(refusal(webrtc::write_image_head(0, 4)), "an image is 0x4, expected 1 to 4096 pixels");
  EXPECT_EQ(refusal(webrtc::write_image_head(65536, 65536)),
            "an image is 65536x65536, expected 1 to 4096 pixels");
  EXPECT_EQ(refusal(std::string(9, '\xff')),
            "an image is 4294967295x4294967295, expected 1 to 4096 pixels");
  EXPECT_EQ(refusal("abc"), "an image has 3 bytes, expected a width, a height, a mark and planes");
}

}  // namespace
}  // namespace streamdiffusion::testing

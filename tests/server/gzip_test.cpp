// What is sent compressed, and to whom.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include "server/running_server.h"

namespace streamdiffusion::testing {
namespace {

using ::testing::StartsWith;

/// The content of a gzip file; empty if it is none.
std::string gunzip(const std::string& bytes) {
  constexpr int kGzipWindow = 15 + 16;
  z_stream stream{};
  inflateInit2(&stream, kGzipWindow);
  std::string input = bytes, out(std::size_t{1} << 22U, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(input.data());
  stream.avail_in = static_cast<uInt>(input.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const bool whole = inflate(&stream, Z_FINISH) == Z_STREAM_END;
  out.resize(whole ? stream.total_out : 0);
  inflateEnd(&stream);
  return out;
}

TEST(Page, IsCompressedForClientsThatTakeIt) {
  RunningServer server;
  for (const char* path : {"/", "/vocabulary.js", "/api/settings"}) {
    const HttpAnswer plain = server.get(path);
    EXPECT_EQ(plain.header.count("content-encoding"), 0U) << path;
    EXPECT_EQ(plain.header.at("vary"), "Accept-Encoding") << path;
    for (int time = 0; time < 2; ++time) {  // the second one is kept
      const HttpAnswer small = server.get(path, {{"Accept-Encoding", "br;q=1.0, gzip ;q=0.8"}});
      EXPECT_EQ(small.header.at("content-encoding"), "gzip") << path;
      EXPECT_LT(small.body.size(), plain.body.size() / 2) << path;
      EXPECT_EQ(gunzip(small.body), plain.body) << path;
    }
  }
  for (const char* others : {"", "br", "gzip;q=0", "gzip; q=0.000, br", "xgzip"}) {
    const HttpAnswer answer = server.get("/", {{"Accept-Encoding", others}});
    EXPECT_EQ(answer.header.count("content-encoding"), 0U) << others;
  }
}

TEST(Page, CompressedOrNotIsRevalidatedByOneTag) {
  RunningServer server;
  const Fields gzip{{"Accept-Encoding", "gzip"}};
  const std::string tag = server.get("/", gzip).header.at("etag");
  EXPECT_THAT(tag, StartsWith("W/\""));
  EXPECT_EQ(server.get("/", {{"If-None-Match", tag}}).status, 304);
  EXPECT_EQ(server.get("/", {{"If-None-Match", tag}, {"Accept-Encoding", "gzip"}}).status, 304);
}

TEST(Page, WhatIsOfOneClientIsNotCompressed) {
  RunningServer server;
  const HttpAnswer answer = server.get("/api/openapi.json", {{"Accept-Encoding", "gzip"}});
  EXPECT_EQ(answer.header.count("content-encoding"), 0U);
}

}  // namespace
}  // namespace streamdiffusion::testing

// What an address of the web may lead to.
#include "media/address_guard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netdb.h>

#include "media/file_server.h"
#include "media/frame_source.h"
#include "support/clips.h"
#include "support/errors.h"

namespace streamdiffusion::media {
namespace {

using namespace streamdiffusion::testing;
using ::testing::AllOf;
using ::testing::HasSubstr;

bool is_private(const std::string& numeric) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST;
  addrinfo* found = nullptr;
  if (getaddrinfo(numeric.c_str(), nullptr, &hints, &found) != 0) {
    ADD_FAILURE() << numeric;
    return false;
  }
  const bool result = media::is_private(*found->ai_addr);
  freeaddrinfo(found);
  return result;
}

TEST(AddressGuard, KnowsWhatOnlyThisMachineReaches) {
  for (const char* text : {"0.0.0.0",
                           "10.1.2.3",
                           "100.64.0.1",
                           "100.127.255.255",
                           "127.0.0.1",
                           "127.255.0.1",
                           "169.254.169.254",
                           "172.16.0.1",
                           "172.31.255.255",
                           "192.168.0.1",
                           "198.19.0.1",
                           "224.0.0.1",
                           "255.255.255.255",
                           "::",
                           "::1",
                           "::ffff:127.0.0.1",
                           "::ffff:10.0.0.1",
                           "64:ff9b::7f00:1",
                           "2002:7f00:1::",
                           "fc00::1",
                           "fdff::1",
                           "fe80::1",
                           "fec0::1",
                           "ff02::1",
                           "::127.0.0.1"})
    EXPECT_TRUE(is_private(text)) << text;
  for (const char* text : {"1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0",
                           "126.0.0.1", "169.253.0.1", "172.15.0.1", "172.32.0.1", "192.167.0.1",
                           "192.169.0.1", "198.17.0.1", "223.255.255.255", "2606:4700::1111",
                           "::ffff:1.1.1.1", "64:ff9b::101:101", "2002:101:101::"})
    EXPECT_FALSE(is_private(text)) << text;
}

TEST(AddressGuard, LetsTheWebLeadToTheWebAlone) {
  AvInterrupt interrupt(std::make_shared<std::atomic<bool>>(false));
  const auto allows = [&](const std::string& url) {
    AddressGuard guard("http://1.1.1.1/a.m3u8", interrupt);
    guard.on_opened();
    const bool allowed = guard.allows(url);
    EXPECT_EQ(guard.refusal().empty(), allowed) << url;
    EXPECT_THAT(guard.refusal(), HasSubstr(allowed ? "" : url));
    return allowed;
  };
  for (const char* url : {"http://1.1.1.1/b.ts", "https://1.1.1.1:8443/b.ts", "http://8.8.8.8/b.ts",
                          "data:text/plain,x", "crypto+http://8.8.8.8/b.ts", "HTTPS://8.8.8.8/",
                          "http://[2606:4700::1111]/b.ts"})
    EXPECT_TRUE(allows(url)) << url;
  for (const char* url :
       {"http://127.0.0.1/b.ts", "http://localhost:631/", "http://user@localhost/", "http://0/",
        "http://2130706433/", "http://0x7f.1/", "http://0177.0.0.1/", "http://[::1]/",
        "http://[::ffff:10.0.0.1]/", "https://169.254.169.254/latest/meta-data/",
        "HTTP://10.0.0.1/", "crypto+http://127.0.0.1/k", "crypto:http://127.0.0.1/k",
        "file:///etc/passwd", "tcp://8.8.8.8:22", "/etc/passwd", "udp://8.8.8.8:1"})
    EXPECT_FALSE(allows(url)) << url;
}

TEST(AddressGuard, AnAddressOfAPrivateNetworkIsItsOwnOriginAlone) {
  AvInterrupt interrupt(std::make_shared<std::atomic<bool>>(false));
  AddressGuard guard("http://10.0.0.1:80/a.m3u8", interrupt);
  EXPECT_TRUE(guard.allows_connection("10.0.0.1", "443")) << "a redirection to https";
  guard.on_opened();
  EXPECT_TRUE(guard.allows("http://10.0.0.1/b.ts"));
  EXPECT_TRUE(guard.allows("https://10.0.0.1/b.ts"));
  EXPECT_EQ(guard.refusal(), "");
  EXPECT_FALSE(guard.allows("http://10.0.0.1:631/b.ts"));
  EXPECT_FALSE(guard.allows("http://10.0.0.2/b.ts"));
  EXPECT_FALSE(guard.allows_connection("10.0.0.2", "80"));
  EXPECT_THAT(guard.refusal(), HasSubstr("http://10.0.0.1:631/b.ts")) << "the first is told";
}

const std::string kHls = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n";

std::string dash(const std::string& part) {
  return "<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" type=\"static\" "
         "profiles=\"urn:mpeg:dash:profile:isoff-on-demand:2011\" "
         "mediaPresentationDuration=\"PT1S\"><Period><AdaptationSet mimeType=\"video/mp2t\">"
         "<Representation id=\"1\" bandwidth=\"1\"><BaseURL>" +
         part + "</BaseURL></Representation></AdaptationSet></Period></MPD>";
}

std::string redirection(const std::string& to) {
  return "HTTP/1.1 302 Found\r\nLocation: " + to +
         "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
}

std::string transport_stream() {
  return bytes_of(SD_TEST_DATA_DIR "/media/adts.ts");
}

std::string error_of_reading(const std::string& input) {
  return error_of([&] {
    const auto source = open_source(input);
    while (source->read()) continue;
  });
}

/// A playlist, a manifest, their keys and redirections name a server that the user has not named.
TEST(AddressGuard, NothingIsAskedOfAnotherServerOfThisMachine) {
  FileServer other(transport_stream(), true);
  const std::string victim = other.address("admin/delete.ts");
  const auto refused = [&](const FileServer& server, const std::string& name,
                           const std::string& what) {
    const std::string error = error_of_reading(server.address(name));
    EXPECT_THAT(error, AllOf(HasSubstr(what), HasSubstr(server.address(name)),
                             HasSubstr("--input-protocols http")))
        << name;
    EXPECT_EQ(other.requests(), 0) << name;
  };
  refused(FileServer(kHls + victim + "\n#EXT-X-ENDLIST\n", true), "a.m3u8", victim);
  refused(FileServer("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n" + victim + ".m3u8\n", true),
          "a.m3u8", victim);
  refused(FileServer("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-KEY:METHOD=AES-128,URI=\"" + victim +
                         "\"\n#EXTINF:1,\na.ts\n#EXT-X-ENDLIST\n",
                     true),
          "a.m3u8", victim);
  refused(FileServer("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MAP:URI=\"" + victim +
                         "\"\n#EXTINF:1,\na.ts\n#EXT-X-ENDLIST\n",
                     true),
          "a.m3u8", victim);
  EXPECT_EQ(other.connections(), 0);
  refused(FileServer(dash(victim), true), "a.mpd", "leads to 127.0.0.1 port ");
  FileServer redirects(kHls + "part.ts\n#EXT-X-ENDLIST\n", true);
  redirects.answer_with("part.ts", redirection(victim));
  refused(redirects, "a.m3u8", "leads to 127.0.0.1 port ");
}

TEST(AddressGuard, PartsOfTheSameServerAreReadAndOthersWithLeave) {
  FileServer server(transport_stream(), true);
  const auto page = [](const std::string& text) {
    return "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: " +
           std::to_string(text.size()) + "\r\n\r\n" + text;
  };
  server.answer_with("a.m3u8", page(kHls + "part.ts\n#EXT-X-ENDLIST\n"));
  server.answer_with("moved.m3u8", redirection("/a.m3u8"));
  for (const char* name : {"a.m3u8", "moved.m3u8"})
    EXPECT_EQ(read_all(*open_source(server.address(name))).pts.size(), 10U) << name;
  const FileServer list(kHls + server.address("part.ts") + "\n#EXT-X-ENDLIST\n", true);
  EXPECT_EQ(read_all(*open_source(list.address("a.m3u8"), {.protocols = "http"})).pts.size(), 10U);
}

TEST(AddressGuard, TheAddressItselfMayRedirectOnItsOwnMachine) {
  const FileServer film_server(transport_stream(), true);
  FileServer moved("", true);
  moved.answer_with("a.ts", redirection(film_server.address("a.ts")));
  EXPECT_EQ(read_all(*open_source(moved.address("a.ts"))).pts.size(), 10U);
  moved.answer_with("b.ts", redirection("http://127.0.0.2:" + film_server.address("").substr(17)));
  EXPECT_THAT(error_of_reading(moved.address("b.ts")), HasSubstr("leads to 127.0.0.2 port"));
}

}  // namespace
}  // namespace streamdiffusion::media

// What the environment says.
#include "hub/settings.h"

#include <gtest/gtest.h>

#include <map>

#include "support/errors.h"
#include "support/temporary_folder.h"

namespace streamdiffusion::hub {
namespace {

using base::ErrorCode;
using testing::expect_error;

Settings read(const std::map<std::string, std::string>& variables) {
  return read_settings([&](const char* name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  });
}

TEST(Settings, FindTheCacheAsPythonDoes) {
  EXPECT_EQ(read({{"HOME", "/h"}}).cache, "/h/.cache/huggingface/hub");
  EXPECT_EQ(read({{"HOME", "/h"}, {"XDG_CACHE_HOME", "/x"}}).cache, "/x/huggingface/hub");
  EXPECT_EQ(read({{"HOME", "/h"}, {"HF_HOME", "~/models"}}).cache, "/h/models/hub");
  EXPECT_EQ(read({{"HOME", "/h"}, {"HF_HOME", "/a"}, {"HUGGINGFACE_HUB_CACHE", "/b"}}).cache, "/b");
  EXPECT_EQ(read({{"HOME", "/h"}, {"HF_HUB_CACHE", "/c"}, {"HUGGINGFACE_HUB_CACHE", "/b"}}).cache,
            "/c");
  EXPECT_EQ(read({{"HOME", "/h"}, {"DISK", "/d"}, {"HF_HUB_CACHE", "$DISK/a/${DISK}$"}}).cache,
            "/d/a//d$");
  expect_error([] { read({}); }, ErrorCode::invalid_argument, {"HF_HUB_CACHE"});
}

TEST(Settings, TakeATokenFromAVariableOrAFile) {
  const testing::TemporaryFolder folder;
  folder.write("token", "hf_file\n");
  const std::string home = folder.path().string();
  EXPECT_EQ(read({{"HOME", "/h"}, {"HF_HOME", home}}).token, "hf_file");
  EXPECT_EQ(read({{"HOME", "/h"}, {"HF_TOKEN_PATH", home + "/token"}}).token, "hf_file");
  EXPECT_EQ(read({{"HOME", "/h"}, {"HF_HOME", home}, {"HF_TOKEN", " hf_a "}}).token, "hf_a");
  EXPECT_EQ(
      read({{"HOME", "/h"}, {"HF_HOME", home}, {"HF_HUB_DISABLE_IMPLICIT_TOKEN", "yes"}}).token,
      "");
  expect_error(
      [] {
        read({{"HOME", "/h"}, {"HF_TOKEN", "a\r\nHost: x"}});
      },
      ErrorCode::invalid_argument, {"HF_TOKEN", "one word"});
}

TEST(Settings, RefuseWhatIsNoAddressAndNoTime) {
  EXPECT_EQ(read({{"HOME", "/h"}, {"HF_ENDPOINT", "https://mirror/hf//"}}).endpoint,
            "https://mirror/hf");
  for (const char* endpoint : {"mirror", "ftp://mirror", "https://a b", "file:///etc"}) {
    expect_error(
        [&] {
          read({{"HOME", "/h"}, {"HF_ENDPOINT", endpoint}});
        },
        ErrorCode::invalid_argument, {"HF_ENDPOINT", "https://"});
  }
  for (const char* seconds : {"0", "-1", "nan", "x", "4000"}) {
    expect_error(
        [&] {
          read({{"HOME", "/h"}, {"HF_HUB_DOWNLOAD_TIMEOUT", seconds}});
        },
        ErrorCode::invalid_argument, {"HF_HUB_DOWNLOAD_TIMEOUT"});
  }
}

TEST(Settings, AreOfflineInEitherWay) {
  EXPECT_FALSE(read({{"HOME", "/h"}, {"HF_HUB_OFFLINE", "0"}}).offline);
  EXPECT_TRUE(read({{"HOME", "/h"}, {"HF_HUB_OFFLINE", "1"}}).offline);
  EXPECT_TRUE(read({{"HOME", "/h"}, {"TRANSFORMERS_OFFLINE", "true"}}).offline);
  EXPECT_FALSE(read({{"HOME", "/h"}, {"HF_HUB_DISABLE_SYMLINKS", "ON"}}).symlinks);
}

TEST(Loopback, IsThisMachineAlone) {
  for (const char* url :
       {"http://localhost:80/x", "http://127.0.0.1", "http://127.9.9.9:1/", "http://[::1]:1/"})
    EXPECT_TRUE(is_loopback_address(url)) << url;
  for (const char* url :
       {"http://localhost.evil/", "http://127.0.0.1.evil/", "http://localhost:1@evil/",
        "http://evil/localhost", "http://10.0.0.1/", "localhost"})
    EXPECT_FALSE(is_loopback_address(url)) << url;
}

}  // namespace
}  // namespace streamdiffusion::hub

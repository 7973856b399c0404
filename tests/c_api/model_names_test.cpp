// Models by name: what the cache of the hub holds is opened, what it lacks is told.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "c_api/support.h"
#include "support/tiny_model.h"

namespace streamdiffusion::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

/// A cache as Python's huggingface_hub lays it out, with the model org/tiny, and no network.
class CModelNames : public ::testing::Test {
 protected:
  CModelNames() {
    const std::string commit(40, 'a');
    const fs::path repository = home_.path() / "hub/models--org--tiny";
    fs::create_directories(repository / "snapshots");
    fs::copy(model_.path(), repository / "snapshots" / commit, fs::copy_options::recursive);
    home_.write("hub/models--org--tiny/refs/main", commit);
    ::setenv("HF_HOME", home_.path().c_str(), 1);
    ::setenv("HF_HUB_OFFLINE", "1", 1);
  }
  ~CModelNames() override {
    ::unsetenv("HF_HOME");
    ::unsetenv("HF_HUB_OFFLINE");
    streamdiffusion_engine_free(engine_);
  }
  streamdiffusion_status open(const std::string& model) {
    const std::string parameters =
        R"({"model": ")" + model + R"(", "device": ")" + SD_TEST_DEVICE + R"(", "threads": 1})";
    return streamdiffusion_engine_open(parameters.c_str(), &engine_, &error_);
  }

  const TinyModel model_;
  const TemporaryFolder home_;
  streamdiffusion_engine* engine_ = nullptr;
  streamdiffusion_error* error_ = nullptr;
};

TEST_F(CModelNames, AreFoundInTheCache) {
  expect_ok(open("org/tiny"), error_);
  char* info = nullptr;
  expect_ok(streamdiffusion_engine_info(engine_, &info, &error_), error_);
  EXPECT_THAT(info, HasSubstr("models--org--tiny"));
  streamdiffusion_string_free(info);
}

TEST_F(CModelNames, ThatAreNowhereAreNotFound) {
  const streamdiffusion_status status = open("org/absent");
  EXPECT_EQ(status, STREAMDIFFUSION_NOT_FOUND);
  EXPECT_THAT(text_of(status, error_), AllOf(HasSubstr("org/absent"), HasSubstr("HF_HUB_OFFLINE")));
  EXPECT_EQ(engine_, nullptr);
}

}  // namespace
}  // namespace streamdiffusion::testing

// A session that no memory of this machine could hold is refused before anything is allocated.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <optional>

#include "session/engine_impl.h"
#include "session/memory_need.h"
#include "session/session_options.h"
#include "support/errors.h"
#include "support/tiny_model.h"

namespace streamdiffusion {
namespace {

using ::testing::HasSubstr;

class RequireMemory : public ::testing::Test {
 protected:
  SessionOptions square(int side) const {
    return session::with_defaults(engine_.model,
                                  {.width = side, .height = side, .t_index_list = {10}});
  }
  MemoryNeed need(const SessionOptions& options) const {
    return session::memory_need(engine_.model, *engine_.device, engine_.dtype, options);
  }
  void require(const SessionOptions& options, std::optional<std::size_t> total,
               bool int8 = false) const {
    session::require_memory(engine_.model, *engine_.device, engine_.dtype, int8, options, total);
  }
  static std::size_t least(const MemoryNeed& need) {
    return need.activations + need.per_stream + need.unet + need.autoencoder;
  }

  testing::TinyModel model_;
  Engine::Impl engine_{
      {.model = model_.path(), .device = SD_TEST_DEVICE, .dtype = DataType::f32, .threads = 1}, {}};
};

TEST_F(RequireMemory, RefusesWhatIsLargerThanAllMemoryAndSaysWhatFits) {
  const SessionOptions large = square(1024);
  const std::size_t total = need(square(512)).total();
  ASSERT_GT(least(need(large)), total);
  const std::string said = testing::error_of([&] { require(large, total); });
  EXPECT_THAT(said, HasSubstr("a session of 1024x1024 needs about "));
  EXPECT_THAT(said, HasSubstr(", swap included; "));
  int width = 0, height = 0;
  const std::size_t behind = said.find("included; ") + 10;
  ASSERT_EQ(std::sscanf(said.c_str() + behind, "%dx%d fits", &width, &height), 2) << said;
  EXPECT_GE(width, 448) << said;
  EXPECT_EQ(width, height);
  EXPECT_NO_THROW(require(square(width), total));
}

TEST_F(RequireMemory, LetsPassWhatMightRun) {
  const SessionOptions options = square(512);
  const std::size_t enough = least(need(options));
  EXPECT_NO_THROW(require(options, enough));
  EXPECT_NO_THROW(require(options, std::nullopt)) << "a machine that does not say";
  testing::expect_error([&] { require(options, enough - 1); }, ErrorCode::invalid_argument,
                        {"512x512"});
  EXPECT_NO_THROW(require(options, enough - 1, true)) << "int8 needs less than is foretold";
}

TEST_F(RequireMemory, SaysSoWhereNoSizeFits) {
  testing::expect_error([&] { require(square(512), 1000); }, ErrorCode::invalid_argument,
                        {"no size of this model fits"});
}

}  // namespace
}  // namespace streamdiffusion

// A stop ends the compiling of a session's programs where their weights are read, not behind it.
#include <gtest/gtest.h>

#include <stop_token>

#include "models/unet.h"
#include "session/engine_impl.h"
#include "session/session_impl.h"
#include "session/session_options.h"
#include "support/errors.h"
#include "support/tiny_model.h"

namespace streamdiffusion {
namespace {

TEST(Stop, EndsCompilingBeforeTheNextWeightIsRead) {
  const testing::TinyModel model;
  const EngineOptions options{
      .model = model.path(), .device = SD_TEST_DEVICE, .dtype = DataType::f32, .threads = 1};
  std::stop_source stop;
  const session::Model* opened = nullptr;
  Engine::Impl::Extras extras;
  extras.build_unet = [&](const models::UNetShape& shape) {
    stop.request_stop();  // while the UNet is about to be compiled
    return opened->unet_graph(shape);
  };
  const auto engine = std::make_shared<Engine::Impl>(options, std::move(extras));
  opened = &engine->model;
  const SessionOptions small{.width = 32, .height = 24, .t_index_list = {10}};
  const auto open = [&](std::stop_token token) {
    return Session::Impl(engine, session::with_defaults(engine->model, small), std::move(token));
  };
  testing::expect_error([&] { open(stop.get_token()); }, ErrorCode::busy,
                        {"stopped before the session's programs were compiled"});
  open({});  // and the next one is compiled whole
}

}  // namespace
}  // namespace streamdiffusion

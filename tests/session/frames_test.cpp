// Every frame that enters comes out once, in order, with its number and tag: as an image or as an
// error.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "graph/builder.h"
#include "session/session_impl.h"
#include "session/session_options.h"
#include "support/environment.h"
#include "support/tiny_model.h"

namespace streamdiffusion {
namespace {

using graph::Lifetime;
using graph::Value;
using ::testing::HasSubstr;

/// prediction = latents + timestep / 1000; not finite above a timestep of about 340.
graph::Graph unet_that_overflows(const models::UNetShape& shape) {
  graph::Builder b(tensor::DType::f32);
  b.set_stage("unet");
  const auto f32 = tensor::DType::f32;
  const Value latents =
      b.input("latents", {{shape.rows, shape.h, shape.w, 4}, f32}, Lifetime::per_frame);
  const Value timesteps =
      b.input("timesteps", {{shape.rows, 1, 1, 1}, f32}, Lifetime::per_schedule);
  b.input("context", {{shape.prompts, shape.tokens, 1, 24}, f32}, Lifetime::per_prompt);
  const Value large = b.convert(timesteps, {.scale = 1e36F, .to = f32});
  const Value small = b.convert(large, {.scale = 1e-39F, .to = f32});
  const Value two = b.concat_channels(small, small);
  const Value four = b.upsample_nearest(b.concat_channels(two, two), shape.h, shape.w);
  b.output("prediction", b.add(latents, four));
  return b.finish();
}

const std::vector<int> kFinite{40, 45}, kOverflowing{0, 45};

Session::Impl open_session() {
  static const testing::TinyModel model;
  Engine::Impl::Extras extras;
  extras.build_unet = unet_that_overflows;
  static const auto engine =
      std::make_shared<Engine::Impl>(EngineOptions{.model = model.path(),
                                                   .device = testing::device_or(SD_TEST_DEVICE),
                                                   .dtype = DataType::f32,
                                                   .threads = 1},
                                     std::move(extras));
  return {engine, session::with_defaults(engine->model, {.width = 32,
                                                         .height = 24,
                                                         .t_index_list = kFinite,
                                                         .cfg_type = CfgType::none,
                                                         .parallel = Parallel::ops})};
}

Image gray_frame() {
  return {32, 24, std::vector<std::uint8_t>(std::size_t{32} * 24 * 3, 90)};
}

void take(Session::Impl& session, std::vector<Output>& outputs) {
  for (Output& output : session.pop_all()) outputs.push_back(std::move(output));
}

TEST(Frames, ComeOutInOrderWithTheirNumbersTagsAndErrors) {
  Session::Impl session = open_session();
  std::vector<Output> outputs;
  for (int i = 0; i < 6; ++i) {
    session.set_t_index_list(i == 3 ? kOverflowing : kFinite);
    session.push(gray_frame(), session::FrameTag{static_cast<std::uint64_t>(10 * i), i});
    take(session, outputs);
  }
  session.flush();
  take(session, outputs);
  ASSERT_EQ(outputs.size(), 6U);
  for (int i = 0; i < 6; ++i) {
    const Output& output = outputs[static_cast<std::size_t>(i)];
    EXPECT_EQ(output.frame_id, static_cast<std::uint64_t>(10 * i));
    EXPECT_EQ(std::any_cast<int>(output.tag), i);
    EXPECT_EQ(output.error.has_value(), i == 3);
    EXPECT_EQ(output.image.rgb.empty(), i == 3);
  }
  EXPECT_EQ(outputs[3].error->code(), ErrorCode::numeric);
  EXPECT_THAT(outputs[3].error->what(), HasSubstr("not finite"));
  EXPECT_EQ(session.in_flight(), 0U);
}

TEST(Frames, AnErrorWithoutATagIsThrownInItsTurnAndCostsOneFrame) {
  Session::Impl session = open_session();
  session.push(gray_frame());
  session.set_t_index_list(kOverflowing);
  session.push(gray_frame());
  session.set_t_index_list(kFinite);
  EXPECT_EQ(session.pop()->frame_id, 0U);
  session.push(gray_frame());
  session.flush();
  EXPECT_THROW(session.pop_all(), Error);
  const std::vector<Output> others = session.pop_all();
  ASSERT_EQ(others.size(), 1U);
  EXPECT_EQ(others[0].frame_id, 2U);
}

TEST(Frames, ANumberThatDoesNotAscendIsRefused) {
  Session::Impl session = open_session();
  session.push(gray_frame(), session::FrameTag{7, {}});
  try {
    session.push(gray_frame(), session::FrameTag{7, {}});
    FAIL() << "did not throw";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
    EXPECT_THAT(error.what(), HasSubstr("frame number 7, expected at least 8"));
  }
  EXPECT_EQ(session.in_flight(), 1U);
}

TEST(FramesInFlight, AReusedImageCarriesItsOwnNumberAndTag) {
  session::FramesInFlight frames;
  const std::uint64_t first = frames.enter(session::FrameTag{1, std::string("first")});
  EXPECT_FALSE(frames.has_image());
  frames.finish(first, {.image = gray_frame()}, true);
  EXPECT_TRUE(frames.has_image());
  frames.enter(session::FrameTag{2, std::string("second")});
  frames.reuse_image();
  const std::vector<Output> outputs = frames.pop_all();
  ASSERT_EQ(outputs.size(), 2U);
  EXPECT_EQ(outputs[1].image.rgb, outputs[0].image.rgb);
  EXPECT_EQ(outputs[1].frame_id, 2U);
  EXPECT_EQ(std::any_cast<std::string>(outputs[1].tag), "second");
  EXPECT_TRUE(outputs[1].reused);
  EXPECT_FALSE(outputs[0].reused);
}

TEST(FramesInFlight, AnErrorFailsOnlyFramesThatStillRun) {
  session::FramesInFlight frames;
  for (const std::uint64_t id : {1U, 2U, 3U}) frames.enter(session::FrameTag{id, {}});
  frames.finish(1, {.image = gray_frame()}, false);
  frames.fail(Error(ErrorCode::internal, "the device is gone"), [](auto) { return true; });
  EXPECT_FALSE(frames.running());
  const std::vector<Output> outputs = frames.pop_all();
  ASSERT_EQ(outputs.size(), 3U);
  EXPECT_FALSE(outputs[0].error.has_value());
  EXPECT_STREQ(outputs[1].error->what(), "the device is gone");
  EXPECT_STREQ(outputs[2].error->what(), "the device is gone");
}

}  // namespace
}  // namespace streamdiffusion

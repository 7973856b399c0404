// Cached attention and feature injection of a session: what a stream keeps of its earlier frames.
// When it forgets them: forgotten_frames_test.cpp.
#include <gtest/gtest.h>

#include <functional>

#include "session/cached_frames_support.h"

namespace streamdiffusion {
namespace {

using namespace testing::cached_frames;
using testing::TinyFamily;
using testing::TinyModel;

class CachedFrames : public ::testing::Test {
 protected:
  const TinyModel model_;
};

/// The oracle: frames one after another, all steps of a frame before the next. The same frames are
/// kept at every step.
TEST_F(CachedFrames, TheStreamBatchAgreesWithSequentialDenoising) {
  Engine engine = open(model_);
  for (const std::vector<int>& list :
       {std::vector<int>{32}, {20, 40}, {10, 25, 40}, {0, 16, 32, 45}}) {
    for (const CfgType cfg : {CfgType::none, CfgType::self, CfgType::initialize, CfgType::full}) {
      SessionOptions o = options(list, cfg);
      o.cache_interval = 2;
      Session batch = engine.session(o);
      o.use_denoising_batch = false;
      Session sequential = engine.session(o);
      EXPECT_LE(worst(run(batch, 9), run(sequential, 9)), 2e-4)
          << list.size() << " steps, cfg " << static_cast<int>(cfg);
    }
  }
}

TEST_F(CachedFrames, FramesThatEnterTogetherLookBackAtThoseInTheirPlace) {
  Engine engine = open(model_);
  SessionOptions o = options({20, 40});
  o.frame_buffer_size = 2;
  Session together = engine.session(o);
  const std::vector<Pixels> found = run(together, 8);
  o.frame_buffer_size = 1;
  Session even = engine.session(o), odd = engine.session(o);
  std::vector<Pixels> expected(8);
  for (int i = 0; i < 8; ++i) {
    Session& alone = i % 2 == 0 ? even : odd;
    for (Output& output : alone.process(patterned_image(i), static_cast<std::uint64_t>(i)))
      expected[output.frame_id] = std::move(output.pixels);
  }
  for (Session* alone : {&even, &odd}) {
    for (Output& output : alone->flush()) expected[output.frame_id] = std::move(output.pixels);
  }
  EXPECT_LE(worst(found, expected), 2e-4);
}

TEST_F(CachedFrames, RowsOnThreadsOfTheirOwnKeepTheSame) {
  Engine engine = open(model_);
  SessionOptions o = options({10, 25, 40}, CfgType::full);
  o.parallel = Parallel::ops;
  Session by_ops = engine.session(o);
  o.parallel = Parallel::rows;
  Session by_rows = engine.session(o);
  EXPECT_LE(worst(run(by_ops, 6), run(by_rows, 6)), 2e-4);
}

TEST_F(CachedFrames, OffBitsAndProgramsAreThoseWithoutIt) {
  Engine engine = open(model_);
  SessionOptions o = options({20, 40});
  o.use_cached_attn = false;
  o.use_feature_injection = true;  // without effect
  Session off = engine.session(o), plain = engine.session({.width = kSide,
                                                           .height = kSide,
                                                           .t_index_list = {20, 40},
                                                           .cfg_type = CfgType::self,
                                                           .guidance_scale = 1.4F,
                                                           .keep_tensors = true});
  EXPECT_EQ(engine.ops(off).size(), engine.ops(plain).size());
  SessionOptions without = o;
  without.cache_maxframes = 4;
  without.use_feature_injection = false;
  EXPECT_EQ(engine.memory_need(o).per_stream, engine.memory_need(without).per_stream);
  const std::vector<Pixels> expected = run(plain, 4);
  EXPECT_EQ(run(off, 4), expected);
  // The first frame has nothing to look back at, and costs the same bits.
  Session on = engine.session(options({20, 40}));
  const std::vector<Pixels> found = run(on, 4);
  EXPECT_EQ(found[0], expected[0]);
  EXPECT_NE(found[1], expected[1]);
}

TEST_F(CachedFrames, AStillSceneOfEqualFramesStaysAsItIs) {
  Engine engine = open(model_);
  SessionOptions o = options({32});
  Session session = engine.session(o);
  std::vector<Pixels> found;
  for (int i = 0; i < 4; ++i) found.push_back(session.process(patterned_image(1))->pixels);
  EXPECT_LE(worst({found[0], found[0], found[0]}, {found[1], found[2], found[3]}), 1e-4);
}

TEST_F(CachedFrames, EachOptionChangesWhatComesOut) {
  Engine engine = open(model_);
  const auto with = [&](const std::function<void(SessionOptions&)>& change) {
    SessionOptions o = options({20, 40});
    change(o);
    Session session = engine.session(o);
    return run(session, 7);
  };
  const auto usual = with([](SessionOptions&) {});
  EXPECT_NE(with([](SessionOptions& o) { o.cache_maxframes = 1; }), usual);
  EXPECT_NE(with([](SessionOptions& o) { o.cache_maxframes = 4; }), usual);
  EXPECT_NE(with([](SessionOptions& o) { o.cache_interval = 3; }), usual);
  const auto inject = [&](float strength, float threshold) {
    return with([=](SessionOptions& o) {
      o.use_feature_injection = true;
      o.feature_injection_strength = strength;
      o.feature_injection_threshold = threshold;
    });
  };
  const auto injected = inject(0.75F, -1);
  EXPECT_NE(injected, usual);
  EXPECT_NE(inject(0.4F, -1), injected);
  EXPECT_LE(worst(inject(0, -1), usual), 1e-4);
  EXPECT_LE(worst(inject(1, 1), usual), 1e-4);
}

/// The tiny UNet's first level has no attention; the second and the middle have.
TEST_F(CachedFrames, LevelsBeforeTheFirstKeepNothing) {
  Engine engine = open(model_);
  SessionOptions o = options({20, 40});
  const auto result = [&] {
    Session session = engine.session(o);
    return run(session, 4);
  };
  const auto all = result();
  o.cache_first_level = 1;
  EXPECT_EQ(result(), all);
  const std::size_t memory = engine.memory_need(o).per_stream;
  o.cache_first_level = 2;
  try {
    result();
    FAIL() << "there is no such level";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
    EXPECT_EQ(std::string(error.what()),
              "cache_first_level is 2, expected 0 to 1: the UNet has 2 levels");
  }
  o.use_cached_attn = false;
  EXPECT_THROW(result(), Error) << "said when it is set, not when cached attention is switched on";
  o.use_cached_attn = true;
  o.cache_first_level = 1;
  o.cache_maxframes = 4;
  EXPECT_GT(engine.memory_need(o).per_stream, memory);
}

TEST_F(CachedFrames, LiveChangesActFromTheNextFrameOn) {
  Engine engine = open(model_);
  SessionOptions o = options({32});
  o.use_feature_injection = true;
  o.feature_injection_threshold = -1;
  const auto changed = [&](const std::function<void(Session&)>& change) {
    Session session = engine.session(o);
    run(session, 3);
    change(session);
    return run(session, 3, 3);
  };
  const auto usual = changed([](Session&) {});
  EXPECT_NE(changed([](Session& s) { s.set_cache_interval(50); }), usual);
  EXPECT_NE(changed([](Session& s) { s.set_feature_injection(0.2F, -1); }), usual);
  EXPECT_NE(changed([](Session& s) { s.set_feature_injection(0.75F, 1); }), usual);
  EXPECT_THROW(changed([](Session& s) { s.set_cache_interval(0); }), Error);
  EXPECT_THROW(changed([](Session& s) { s.set_feature_injection(1.5F, 0); }), Error);
}

TEST_F(CachedFrames, StreamsSeeNoFramesOfEachOther) {
  Engine engine = open(model_);
  SessionOptions o = options({20, 40});
  o.use_feature_injection = true;
  o.feature_injection_threshold = -1;
  Session alone = engine.session(o);
  const auto expected = run(alone, 4);
  Session a = engine.session(o), b = engine.session(o);
  std::vector<Pixels> found;
  for (int i = 0; i < 4; ++i) {
    for (Output& output : a.process(patterned_image(i), static_cast<std::uint64_t>(i)))
      found.push_back(std::move(output.pixels));
    b.process(patterned_image(40 + i), static_cast<std::uint64_t>(i));
  }
  for (Output& output : a.flush()) found.push_back(std::move(output.pixels));
  EXPECT_EQ(found, expected);
}

TEST(CachedFramesOfSdxl, TheStreamBatchAgreesWithSequentialDenoising) {
  const TinyModel model(TinyFamily::sdxl);
  Engine engine = open(model);
  for (const CfgType cfg : {CfgType::self, CfgType::full}) {
    SessionOptions o = options({10, 25, 40}, cfg);
    o.cache_interval = 3;
    Session batch = engine.session(o);
    o.use_denoising_batch = false;
    Session sequential = engine.session(o);
    EXPECT_LE(worst(run(batch, 8), run(sequential, 8)), 2e-4);
  }
}

/// Frames that the similarity filter skips do not enter the UNet, and are not kept.
TEST_F(CachedFrames, SkippedFramesAreNotKept) {
  Engine engine = open(model_);
  SessionOptions o = options({32});
  o.enable_similar_image_filter = true;
  o.similar_image_filter_threshold = 0;
  o.similar_image_filter_max_skip_frame = 2;
  Session session = engine.session(o);
  o.enable_similar_image_filter = false;
  Session plain = engine.session(o);
  for (int i = 0; i < 12; ++i) {
    Image frame = patterned_image(1);
    frame.rgb[static_cast<std::size_t>(i)] = 0;
    const Output filtered = *session.process(frame);
    if (filtered.reused) continue;
    EXPECT_EQ(filtered.pixels, plain.process(frame)->pixels) << "frame " << i;
  }
  EXPECT_GT(session.times().skipped, 0U);
}

/// In flush() rows stand empty, and what was kept lives on.
TEST_F(CachedFrames, LiveOnWhileTheStreamStandsStill) {
  Engine engine = open(model_);
  const SessionOptions o = options({10, 25, 40});
  Session steady = engine.session(o), paused = engine.session(o);
  const auto expected = run(steady, 8);
  auto found = run(paused, 4);
  for (Pixels& pixels : run(paused, 4, 4)) found.push_back(std::move(pixels));
  EXPECT_LE(worst(found, expected), 2e-4);
}

TEST_F(CachedFrames, FromTextAloneLookBackToo) {
  Engine engine = open(model_);
  SessionOptions o = options({0, 25}, CfgType::none);
  o.text_to_image = true;
  Session cached = engine.session(o);
  o.use_cached_attn = false;
  Session plain = engine.session(o);
  std::vector<Pixels> a, b;
  for (int i = 0; i < 4; ++i) {
    for (auto& [session, out] : {std::pair(&cached, &a), std::pair(&plain, &b)}) {
      if (auto output = session->generate()) out->push_back(std::move(output->pixels));
    }
  }
  ASSERT_EQ(a.size(), b.size());
  EXPECT_EQ(a[0], b[0]);
  EXPECT_NE(a[1], b[1]);
}

}  // namespace
}  // namespace streamdiffusion

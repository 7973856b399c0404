// The similarity filter: which frames are skipped.
#include "stream/similarity_filter.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace streamdiffusion::stream {
namespace {

using Frame = std::vector<std::uint8_t>;

Frame random_frame(unsigned seed, std::size_t size = 3 * 64 * 64) {
  std::mt19937 random(seed);
  Frame frame(size);
  for (std::uint8_t& value : frame) value = static_cast<std::uint8_t>(random());
  return frame;
}

TEST(CosineSimilarity, OfAFrameWithItselfIsOne) {
  for (const Frame& frame :
       {random_frame(1), Frame(300, 127), Frame(300, 0), random_frame(2, 3 * 512 * 512)}) {
    EXPECT_NEAR(cosine_similarity(frame, frame), 1.0, 1e-12);
  }
}

TEST(CosineSimilarity, OfBlackAndWhiteIsMinusOne) {
  EXPECT_NEAR(cosine_similarity(Frame(30, 0), Frame(30, 255)), -1.0, 1e-12);
}

TEST(SkipProbability, FollowsThePapersLine) {
  EXPECT_DOUBLE_EQ(skip_probability(1.0, 0.98), 1.0);
  EXPECT_DOUBLE_EQ(skip_probability(0.98, 0.98), 0.0);
  EXPECT_NEAR(skip_probability(0.99, 0.98), 0.5, 1e-12);
  EXPECT_DOUBLE_EQ(skip_probability(0.5, 0.98), 0.0);
  EXPECT_DOUBLE_EQ(skip_probability(1.0, 1.0), 0.0);
}

TEST(SimilarityFilter, OfAStillSceneProcessesOneFrameInTwelve) {
  SimilarityFilter filter(1, 0.98F, 10);
  const Frame frame = random_frame(3);
  int processed = 0;
  for (int i = 0; i < 1200; ++i) processed += filter.process(frame);
  EXPECT_EQ(processed, 100);
}

TEST(SimilarityFilter, NeverSkipsWhatDiffers) {
  SimilarityFilter filter(1, 0.98F, 10);
  for (unsigned i = 0; i < 50; ++i) EXPECT_TRUE(filter.process(random_frame(i)));
}

TEST(SimilarityFilter, ProcessesAFrameOfAnotherSize) {
  SimilarityFilter filter(1, 0.98F, 10);
  filter.process(random_frame(1));
  EXPECT_TRUE(filter.process(random_frame(1, 300)));
}

/// random_frame(4), every 13th value of it brighter.
Frame brighter_frame(std::size_t first) {
  Frame frame = random_frame(4);
  for (std::size_t i = first % 13; i < frame.size(); i += 13)
    frame[i] = static_cast<std::uint8_t>(std::min(255, frame[i] + 30));
  return frame;
}

/// With which one frame is skipped behind the other with a probability of one half.
float threshold_of_a_half(const Frame& a, const Frame& b) {
  const double similarity = cosine_similarity(a, b);
  return static_cast<float>(similarity - (1 - similarity));
}

TEST(SimilarityFilter, SkipsAsOftenAsTheProbabilitySays) {
  const Frame reference = random_frame(4), other = brighter_frame(0);
  const float threshold = threshold_of_a_half(reference, other);
  int skipped = 0;
  constexpr int kTrials = 4000;
  for (int i = 0; i < kTrials; ++i) {
    SimilarityFilter filter(static_cast<std::uint64_t>(i), threshold, 10);
    filter.process(reference);
    skipped += !filter.process(other);
  }
  EXPECT_NEAR(static_cast<double>(skipped) / kTrials, 0.5, 0.03);
}

TEST(SimilarityFilter, TheSameSeedSkipsTheSameFrames) {
  SimilarityFilter a(5, 0.98F, 10), b(5, 0.98F, 10);
  for (unsigned i = 0; i < 40; ++i) {
    const Frame frame = random_frame(i / 10);
    EXPECT_EQ(a.process(frame), b.process(frame));
  }
}

TEST(SimilarityFilter, SkipsSoManyFramesAndOneMoreInARow) {
  for (const int most : {0, 1, 4}) {
    SimilarityFilter filter(1, 0, most);  // a frame like the last one is always skipped
    const Frame frame = random_frame(1);
    EXPECT_TRUE(filter.process(frame));
    for (int round = 0; round < 3; ++round) {
      for (int i = 0; i <= most; ++i) EXPECT_FALSE(filter.process(frame)) << most;
      EXPECT_TRUE(filter.process(frame)) << most;
    }
  }
}

TEST(SimilarityFilter, AFrameProcessedByChanceStartsTheCountAnew) {
  constexpr int kSkips = 5;
  const float threshold = threshold_of_a_half(brighter_frame(0), brighter_frame(1));
  SimilarityFilter limited(1, threshold, kSkips), unlimited(1, threshold, 1000);
  int skipped = 0, in_a_row = 0;
  for (std::size_t i = 0; in_a_row <= kSkips; ++i) {
    const Frame frame = brighter_frame(i);
    const bool processed = unlimited.process(frame);
    ASSERT_EQ(limited.process(frame), processed) << "frame " << i;
    skipped += !processed;
    in_a_row = processed ? 0 : in_a_row + 1;
  }
  EXPECT_GT(skipped, 2 * kSkips);  // many more than in a row, with frames processed between
  EXPECT_TRUE(limited.process(brighter_frame(0)));
}

TEST(SimilarityFilter, RefusesAThresholdOutsideItsRange) {
  SimilarityFilter filter(1, 0.98F, 10);
  EXPECT_THROW(filter.configure(1.5F, 10), base::Error);
  EXPECT_THROW(filter.configure(0.9F, -1), base::Error);
}

}  // namespace
}  // namespace streamdiffusion::stream

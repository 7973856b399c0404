// What a frame brings moves with its latents: row by row beside the stream batch itself.
#include "stream/frame_rows.h"

#include <gtest/gtest.h>

#include <array>

#include "base/error.h"

namespace streamdiffusion::stream {
namespace {

/// The number that frame `id` brings.
std::int32_t brought_by(std::uint64_t id) {
  return static_cast<std::int32_t>(100 + id);
}

std::vector<std::int32_t> rows_of(const FrameRows& rows, const RowLayout& layout) {
  std::vector<std::int32_t> values(static_cast<std::size_t>(layout.unet_rows()), -1);
  rows.write(std::as_writable_bytes(std::span(values)));
  return values;
}

TEST(FrameRows, MoveWithTheFrameForEveryGuidanceStepCountAndBatch) {
  for (const int steps : {1, 2, 3, 4}) {
    for (const int frames : {1, 2, 3}) {
      for (const CfgType cfg : {CfgType::none, CfgType::full, CfgType::self, CfgType::initialize}) {
        const RowLayout layout{steps, frames, cfg};
        FrameRows rows(layout, sizeof(std::int32_t));
        for (std::uint64_t call = 0; call < 9; ++call) {
          std::vector<std::int32_t> entering;
          for (int f = 0; f < frames; ++f) {
            entering.push_back(brought_by(call * static_cast<std::uint64_t>(frames) +
                                          static_cast<std::uint64_t>(f)));
          }
          rows.enter(std::as_bytes(std::span(entering)),
                     std::vector<bool>(static_cast<std::size_t>(frames), true));
          const std::vector<std::int32_t> found = rows_of(rows, layout);
          for (int r = 0; r < layout.unet_rows(); ++r) {
            const int row = layout.stream_row(r), step = layout.step_of(row);
            const auto age = static_cast<std::uint64_t>(step);
            EXPECT_EQ(rows.filled(row), age <= call);
            const std::uint64_t id = (call - age) * static_cast<std::uint64_t>(frames) +
                                     static_cast<std::uint64_t>(row % frames);
            EXPECT_EQ(found[static_cast<std::size_t>(r)], age <= call ? brought_by(id) : 0)
                << "row " << r << " of " << steps << " steps, " << frames << " frames";
          }
        }
      }
    }
  }
}

TEST(FrameRows, AFrameWithoutDataMovesTheOthers) {
  const RowLayout layout{2, 2, CfgType::none};
  FrameRows rows(layout, sizeof(std::int32_t));
  const std::array<std::int32_t, 2> values{7, 8};
  rows.enter(std::as_bytes(std::span(values)), {true, false});
  EXPECT_EQ(rows_of(rows, layout), (std::vector<std::int32_t>{7, 0, 0, 0}));
  rows.enter(std::as_bytes(std::span(values)), {false, true});
  EXPECT_EQ(rows_of(rows, layout), (std::vector<std::int32_t>{0, 8, 7, 0}));
  EXPECT_FALSE(rows.filled(0));
  EXPECT_TRUE(rows.filled(1));
  EXPECT_TRUE(rows.filled(2));
  EXPECT_FALSE(rows.filled(3));
  rows.enter(std::as_bytes(std::span(values)), {false, false});
  EXPECT_EQ(rows_of(rows, layout), (std::vector<std::int32_t>{0, 0, 0, 8}));
}

TEST(FrameRows, RefuseAnotherSize) {
  FrameRows rows({2, 2, CfgType::none}, 8);
  EXPECT_THROW(rows.enter(std::vector<std::byte>(8), {true, true}), base::Error);
  EXPECT_THROW(rows.enter(std::vector<std::byte>(16), {true}), base::Error);
}

}  // namespace
}  // namespace streamdiffusion::stream

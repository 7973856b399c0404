// Which frames a row keeps and looks back at.
#include "stream/frame_slots.h"

#include <gtest/gtest.h>

#include <deque>

#include "base/error.h"

namespace streamdiffusion::stream {
namespace {

using Entries = std::vector<std::int32_t>;

/// What lies in the slots of one row: a frame's number each.
struct Row {
  std::vector<int> slots;

  /// Writes the frame where the entries say, and returns the frames that it looks back at.
  std::vector<int> enter(const std::int32_t* entries, int frames, int frame) {
    slots.at(static_cast<std::size_t>(entries[0])) = frame;
    std::vector<int> seen;
    for (int i = 1; i <= frames; ++i) {
      if (entries[i] >= 0) seen.push_back(slots.at(static_cast<std::size_t>(entries[i])));
    }
    return seen;
  }
};

/// One row that a frame is in at every call, against a list of what was kept.
TEST(FrameSlots, KeepEveryNthFrameAndLookBackAtTheLastOnes) {
  for (int frames = 1; frames <= 4; ++frames) {
    for (const int interval : {1, 2, 4}) {
      FrameSlots slots(1, 1, frames, interval);
      Row row{std::vector<int>(static_cast<std::size_t>(FrameSlots::count(1, frames)), -1)};
      std::deque<int> kept;
      for (int frame = 0; frame < 20; ++frame) {
        Entries entries(static_cast<std::size_t>(1 + frames));
        slots.enter(0, {true}, entries);
        EXPECT_EQ(row.enter(entries.data(), frames, frame),
                  std::vector<int>(kept.begin(), kept.end()))
            << frames << " frames, every " << interval << ", frame " << frame;
        slots.leave(0);
        if (frame % interval == 0) kept.push_front(frame);
        if (kept.size() > static_cast<std::size_t>(frames)) kept.pop_back();
      }
    }
  }
}

TEST(FrameSlots, ARowWithoutAFrameKeepsWhatItHas) {
  FrameSlots slots(2, 1, 2, 1);
  Entries entries(6);
  slots.enter(0, {true, false}, entries);
  EXPECT_EQ(entries, (Entries{0, -1, -1, 0, -1, -1}));
  slots.leave(0);
  slots.enter(0, {false, true}, entries);
  EXPECT_EQ(entries, (Entries{1, 0, -1, 0, -1, -1}));
  slots.leave(0);
  slots.enter(0, {true, true}, entries);
  EXPECT_EQ(entries, (Entries{1, 0, -1, 1, 0, -1}));
}

TEST(FrameSlots, CallsOfAFrameHaveSlotsOfTheirOwn) {
  FrameSlots slots(1, 3, 1, 1);
  EXPECT_EQ(FrameSlots::count(3, 1), 6);
  Entries entries(2);
  for (int call = 0; call < 3; ++call) {
    slots.enter(call, {true}, entries);
    EXPECT_EQ(entries, (Entries{2 * call, -1}));
    slots.leave(call);
  }
  for (int call = 0; call < 3; ++call) {
    slots.enter(call, {true}, entries);
    EXPECT_EQ(entries, (Entries{2 * call + 1, 2 * call}));
    slots.leave(call);
  }
}

TEST(FrameSlots, AFrameWhoseCallFailedIsNotKept) {
  FrameSlots slots(1, 1, 1, 1);
  Entries entries(2);
  slots.enter(0, {true}, entries);  // and no leave()
  slots.enter(0, {true}, entries);
  EXPECT_EQ(entries, (Entries{0, -1}));
}

TEST(FrameSlots, ClearForgetsAllFramesAndTheIntervalStartsAnew) {
  FrameSlots slots(1, 1, 2, 3);
  Entries entries(3);
  for (int i = 0; i < 5; ++i) {
    slots.enter(0, {true}, entries);
    slots.leave(0);
  }
  slots.clear();
  slots.enter(0, {true}, entries);
  EXPECT_EQ(entries, (Entries{0, -1, -1}));
  slots.leave(0);
  slots.enter(0, {true}, entries);
  EXPECT_EQ(entries, (Entries{1, 0, -1}));
}

TEST(FrameSlots, AnotherIntervalHoldsFromTheNextFrameOn) {
  FrameSlots slots(1, 1, 1, 1);
  Entries entries(2);
  slots.enter(0, {true}, entries);
  slots.leave(0);
  slots.set_interval(100);
  for (int i = 0; i < 3; ++i) {
    slots.enter(0, {true}, entries);
    EXPECT_EQ(entries, (Entries{1, 0}));
    slots.leave(0);
  }
}

TEST(FrameSlots, EntriesOfAnotherSizeAreRefused) {
  FrameSlots slots(2, 1, 1, 1);
  Entries entries(3);
  EXPECT_THROW(slots.enter(0, {true, true}, entries), base::Error);
}

}  // namespace
}  // namespace streamdiffusion::stream

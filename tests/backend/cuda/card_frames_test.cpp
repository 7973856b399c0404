// Frames in the memory of a card: read, and written, plane by plane.
#include "session/card_frames.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "backend/cuda/host_device.h"
#include "base/error.h"
#include "image/rgb_rows.h"

namespace streamdiffusion::backend::cuda::test {
namespace {

using ::testing::HasSubstr;

constexpr int kWidth = 6, kHeight = 5;
constexpr std::ptrdiff_t kStride = 32;

class CardFrames : public ::testing::Test {
 protected:
  CardFrames() : memory_(4096) {
    int number = 0;
    for (std::byte& byte : memory_) byte = static_cast<std::byte>(31 * number++);
    record_.frames = memory_;
  }

  /// A frame of that layout in the card's memory, with gaps between rows and planes.
  template <typename Frame>
  Frame frame(PixelFormat format, bool bottom_up = false) {
    Frame frame{};
    frame.format = format;
    frame.width = kWidth;
    frame.height = kHeight;
    auto* at = reinterpret_cast<std::uint8_t*>(memory_.data()) + 100;
    const auto planes = image::planes_of(format, kWidth, kHeight);
    for (std::size_t i = 0; i < planes.size(); ++i, at += 400) {
      frame.planes[i] = at + (bottom_up ? (planes[i].rows - 1) * kStride : 0);
      frame.strides[i] = bottom_up ? -kStride : kStride;
    }
    return frame;
  }

  HostRuntime::Record record_;
  std::vector<std::byte> memory_;
  const std::unique_ptr<Device> device_ = make_host_device(record_);
};

TEST_F(CardFrames, AreReadInEveryLayoutAndDirection) {
  for (const PixelFormat format : {PixelFormat::rgb, PixelFormat::bgrx, PixelFormat::argb,
                                   PixelFormat::nv12, PixelFormat::i420}) {
    for (const bool bottom_up : {false, true}) {
      const auto on_card = frame<FrameView>(format, bottom_up);
      const HostFrame read = session::download(*device_, on_card);
      EXPECT_EQ(to_image(read.view).rgb, to_image(on_card).rgb)
          << static_cast<int>(format) << bottom_up;
      EXPECT_NE(read.view.planes[0], on_card.planes[0]);
    }
  }
  EXPECT_EQ(record_.downloads, 2 * (3 + 2 + 3));  // one a plane
}

TEST_F(CardFrames, AreWrittenAsInHostMemoryAndNothingBeside) {
  Image image{.width = 12, .height = 10, .rgb = std::vector<std::uint8_t>(360)};
  std::iota(image.rgb.begin(), image.rgb.end(), std::uint8_t{0});
  for (const PixelFormat format : {PixelFormat::bgra, PixelFormat::nv12}) {
    for (const bool bottom_up : {false, true}) {
      const std::vector<std::byte> before = memory_;
      const auto target = frame<FrameTarget>(format, bottom_up);
      write(image, target);
      const std::vector<std::byte> expected = std::exchange(memory_, before);
      record_.frames = memory_;
      session::upload(*device_, image, frame<FrameTarget>(format, bottom_up));
      EXPECT_EQ(memory_, expected) << static_cast<int>(format) << bottom_up;
    }
  }
}

TEST_F(CardFrames, ElsewhereAreRefused) {
  std::vector<std::uint8_t> elsewhere(1000);
  FrameView outside = frame<FrameView>(PixelFormat::rgb);
  outside.planes[0] = elsewhere.data();
  EXPECT_THROW(session::download(*device_, outside), base::Error);
  FrameView beyond = frame<FrameView>(PixelFormat::rgb);
  beyond.planes[0] = reinterpret_cast<std::uint8_t*>(memory_.data() + memory_.size()) - 100;
  EXPECT_THROW(session::download(*device_, beyond), base::Error);
  FrameView narrow = frame<FrameView>(PixelFormat::rgb);
  narrow.strides[0] = 3;
  EXPECT_THROW(session::download(*device_, narrow), base::Error);
}

TEST_F(CardFrames, OnADeviceWithoutACardAreAnErrorThatSaysSo) {
  const std::unique_ptr<Device> reference = make_device("ref");
  try {
    session::download(*reference, frame<FrameView>(PixelFormat::rgb));
    FAIL();
  } catch (const base::Error& error) {
    EXPECT_EQ(error.code(), base::ErrorCode::unsupported);
    EXPECT_THAT(error.what(), HasSubstr("device is ref"));
  }
}

TEST_F(CardFrames, ACopyThatFailsIsAnError) {
  record_.fail_in = 2;
  EXPECT_THROW(session::download(*device_, frame<FrameView>(PixelFormat::nv12)), base::Error);
}

}  // namespace
}  // namespace streamdiffusion::backend::cuda::test

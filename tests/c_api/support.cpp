#include "c_api/support.h"

#include <gtest/gtest.h>

#include "support/tiny_model.h"

namespace streamdiffusion::testing {

std::string engine_parameters() {
  static const TinyModel model;
  return R"({"model": ")" + model.path() + R"(", "device": ")" + SD_TEST_DEVICE +
         R"(", "dtype": "f32", "threads": 2})";
}

streamdiffusion_engine* tiny_engine() {
  struct Free {
    void operator()(streamdiffusion_engine* engine) const { streamdiffusion_engine_free(engine); }
  };
  static const std::unique_ptr<streamdiffusion_engine, Free> engine([] {
    streamdiffusion_engine* opened = nullptr;
    streamdiffusion_error* error = nullptr;
    expect_ok(streamdiffusion_engine_open(engine_parameters().c_str(), &opened, &error), error);
    return opened;
  }());
  return engine.get();
}

TestFrame::TestFrame(int number, int width, int height) {
  for (int i = 0; i < width * height * 3; ++i)
    rgb.push_back(static_cast<std::uint8_t>((i * 7 + number * 31) & 0xff));
  streamdiffusion_frame_init(&frame, sizeof frame);
  frame.width = width;
  frame.height = height;
  frame.planes[0] = rgb.data();
  frame.strides[0] = std::ptrdiff_t{3} * width;
  frame.tag = static_cast<std::uint64_t>(100 + number);
}

void expect_ok(streamdiffusion_status status, streamdiffusion_error*& error) {
  EXPECT_EQ(status, STREAMDIFFUSION_OK) << streamdiffusion_error_message(error);
  streamdiffusion_error_free(error);
}

std::string text_of(streamdiffusion_status status, streamdiffusion_error* error) {
  EXPECT_EQ(streamdiffusion_error_status(error), status);
  std::string text =
      std::to_string(static_cast<int>(status)) + " " + streamdiffusion_error_message(error);
  streamdiffusion_error_free(error);
  return text;
}

streamdiffusion_output_info info_of(const streamdiffusion_output* output) {
  streamdiffusion_output_info info{};
  info.struct_size = sizeof info;
  streamdiffusion_output_get(output, &info);
  return info;
}

std::vector<std::uint8_t> pixels_of(const streamdiffusion_output* output) {
  const streamdiffusion_output_info info = info_of(output);
  return {info.rgb, info.rgb + std::ptrdiff_t{3} * info.width * info.height};
}

}  // namespace streamdiffusion::testing

// An engine of the C interface on a tiny model, and frames for it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "streamdiffusion/c.h"

namespace streamdiffusion::testing {

/// {"model": ..., "device": ...} of a tiny model, one step at a time.
std::string engine_parameters();
streamdiffusion_engine* tiny_engine();

/// 32x24, two steps.
constexpr const char* kSmall =
    R"({"width": 32, "height": 24, "t_index_list": [22, 45], "prompt": "red apple"})";

/// RGB, 32x24, of its own pixels.
struct TestFrame {
  explicit TestFrame(int number, int width = 32, int height = 24);
  /// Valid to the end of the expression for a temporary.
  const streamdiffusion_frame* pointer() const { return &frame; }
  std::vector<std::uint8_t> rgb;
  streamdiffusion_frame frame;
};

/// Fails the test with the error's text if `status` is not OK.
void expect_ok(streamdiffusion_status status, streamdiffusion_error*& error);
/// The status and text of an error, which it frees: "1 width is ...".
std::string text_of(streamdiffusion_status status, streamdiffusion_error* error);

streamdiffusion_output_info info_of(const streamdiffusion_output* output);
std::vector<std::uint8_t> pixels_of(const streamdiffusion_output* output);

}  // namespace streamdiffusion::testing

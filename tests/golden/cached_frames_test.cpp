// UNets with cached attention and feature injection against a loop in Python over diffusers' UNets,
// on every device and type this build has.
#include <gtest/gtest.h>

#include <algorithm>

#include "golden/compiled.h"
#include "golden/golden_case.h"
#include "golden/golden_file.h"
#include "models/unet.h"
#include "stream/frame_slots.h"

namespace streamdiffusion::golden {
namespace {

using json::Json;
using tensor::DType;

class GoldenCachedFrames : public GoldenCase {
 protected:
  GoldenCachedFrames() : GoldenCase("cached_frames") {}
  void SetUp() override {
    GoldenCase::SetUp();
    // A token within bf16's rounding of the threshold may fall to either side.
    if (!IsSkipped() && GetParam().dtype == DType::bf16 && golden_.at("call").has("injection"))
      GTEST_SKIP() << "decisions of feature injection need f32";
  }

  models::UNetShape shape() const {
    const Json call = golden_.at("call");
    models::UNetShape shape = unet_shape(call, GetParam().dtype);
    const int frames = static_cast<int>(call.at("frames").integer());
    shape.cached = {.frames = frames,
                    .slots = stream::FrameSlots::count(1, frames),
                    .first_level = static_cast<int>(call.integer_or("first_level", 0)),
                    .feature_injection = call.has("injection")};
    return shape;
  }

  void fill_call(Compiled& unet, int index) const {
    const tensor::View latents = unet.input("latents");
    const auto count = static_cast<std::size_t>(latents.desc.shape.elements());
    std::vector<float> base(count);
    fill_input(golden_, "latents", {base.data(), latents.desc});
    fill_input(golden_, "latents." + std::to_string(index), latents);
    const auto change = static_cast<float>(golden_.at("change").number());
    for (std::size_t i = 0; i < count; ++i)
      latents.as<float>()[i] = base[i] + change * latents.as<float>()[i];
  }
};

TEST_P(GoldenCachedFrames, AnswerAsInPython) {
  const Json call = golden_.at("call"), held = call.at("held");
  const models::UNetShape shape = this->shape();
  Compiled unet(*device_, models::build_unet(models::unet_config(golden_.at("unet")), shape), "");
  for (const char* name : {"timesteps", "context", "pooled", "size"}) {
    const auto input = std::ranges::find(unet.inputs(), name, &graph::Input::name);
    if (input != unet.inputs().end()) fill_input(golden_, name, unet.input(name));
  }
  if (shape.cached.feature_injection) {
    auto* settings = unet.input("feature_injection").as<float>();
    for (std::int64_t i = 0; i < 2 * shape.rows; ++i) {
      settings[i] =
          static_cast<float>(call.at("injection")[static_cast<std::size_t>(i % 2)].number());
    }
  }
  stream::FrameSlots slots(static_cast<int>(shape.rows), 1, shape.cached.frames,
                           static_cast<int>(call.at("interval").integer()));
  for (std::size_t index = 0; index < held.size(); ++index) {
    fill_call(unet, static_cast<int>(index));
    std::vector<bool> holds;
    for (const std::int64_t row : held[index].integers()) holds.push_back(row != 0);
    const tensor::View entries = unet.input("cached_slots");
    slots.enter(
        0, holds,
        {entries.as<std::int32_t>(), static_cast<std::size_t>(entries.desc.shape.elements())});
    unet.run();
    slots.leave(0);
    expect_close(golden_, "prediction." + std::to_string(index), unet.output("prediction"),
                 GetParam().dtype);
  }
}

INSTANTIATE_TEST_SUITE_P(UNets, GoldenCachedFrames,
                         ::testing::ValuesIn(cases({"one_frame", "two_frames", "three_frames",
                                                    "four_frames", "interval", "injection",
                                                    "one_row", "sdxl"})),
                         case_name);

}  // namespace
}  // namespace streamdiffusion::golden

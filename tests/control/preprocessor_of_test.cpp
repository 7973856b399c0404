// Which preprocessor a ControlNet's name tells.
#include "control/preprocessor_of.h"

#include <gtest/gtest.h>

namespace streamdiffusion::control {
namespace {

TEST(PreprocessorOf, IsToldByTheNameOfPublishedNets) {
  const std::pair<const char*, Preprocessor> nets[]{
      {"control_v11p_sd15_canny", Preprocessor::canny},
      {"controlnet-sd21-hed-diffusers", Preprocessor::soft_edge},
      {"control_v11p_sd15_softedge", Preprocessor::soft_edge},
      {"control_v11p_sd15_scribble/", Preprocessor::scribble},
      {"control_v11p_sd15_lineart", Preprocessor::lineart},
      {"control_v11p_sd15s2_lineart_anime", Preprocessor::lineart},
      {"MistoLine", Preprocessor::lineart},
      {"control_v11f1e_sd15_tile", Preprocessor::tile},
      {"controlnet-sd21-color-diffusers", Preprocessor::color},
      {"ioclab-recolor-sdxl", Preprocessor::luminance},
      {"hub/models--xinsir--controlnet-canny-sdxl-1.0/snapshots/0123abcd", Preprocessor::canny},
      {"hub/models--a--nets/snapshots/0123abcd/control_sd15_scribble.safetensors",
       Preprocessor::scribble}};
  for (const auto& [net, expected] : nets) {
    const auto found = preprocessor_of(net);
    ASSERT_TRUE(found) << net;
    EXPECT_EQ(found->preprocessor, expected) << net;
    EXPECT_FALSE(found->needs_network) << net;
  }
}

TEST(PreprocessorOf, SaysWhatOnlyANetworkMakes) {
  for (const char* net :
       {"control_v11f1p_sd15_depth", "controlnet-sd21-openpose-diffusers",
        "control_v11p_sd15_normalbae", "control_v11p_sd15_mlsd", "control_v11p_sd15_seg"}) {
    const auto found = preprocessor_of(net);
    ASSERT_TRUE(found) << net;
    EXPECT_TRUE(found->needs_network) << net;
    EXPECT_EQ(found->preprocessor, Preprocessor::passthrough) << net;
  }
}

TEST(PreprocessorOf, KnowsNothingOfOtherNames) {
  for (const char* net : {"controlnet", "my-net", "passage", "textile", "canny/mine",
                          "models--canny--net/snapshots/1"}) {
    EXPECT_FALSE(preprocessor_of(net)) << net;
  }
}

}  // namespace
}  // namespace streamdiffusion::control

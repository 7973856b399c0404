// Parameters of size conditioning: what SDXL models are given about the image's size.
#include "params/rows.h"

namespace streamdiffusion::params {
namespace {

constexpr int kLargest = 16384;

/// In a file of settings and as a flag; the page offers none of them.
template <typename Reach>
Parameter size_row(const char* name, const char* title, const char* help, Reach reach, int minimum,
                   const char* flag) {
  return {name,
          title,
          help,
          Group::image,
          Change::session,
          integer(reach, minimum, kLargest),
          {.flag = flag, .flag_value = "N", .yaml = true, .model_file = true}};
}

}  // namespace

Rows size_rows() {
  return {
      size_row("original_width", "Original width",
               "Of SDXL: as if the image came from one of this width; default: its own",
               SD_REACH(live.options.original_width), 1, "--original-width"),
      size_row("original_height", "Original height",
               "Of SDXL: as if the image came from one of this height; default: its own",
               SD_REACH(live.options.original_height), 1, "--original-height"),
      size_row("crop_left", "Crop, left", "Of SDXL: as if so many pixels were cut off; default: 0",
               SD_REACH(live.options.crop_left), 0, "--crop-left"),
      size_row("crop_top", "Crop, top", "Of SDXL: as if so many pixels were cut off; default: 0",
               SD_REACH(live.options.crop_top), 0, "--crop-top"),
      size_row("target_width", "Target width",
               "Of SDXL: as if the image were made for this width; default: its own",
               SD_REACH(live.options.target_width), 1, "--target-width"),
      size_row("target_height", "Target height",
               "Of SDXL: as if the image were made for this height; default: its own",
               SD_REACH(live.options.target_height), 1, "--target-height"),
  };
}

}  // namespace streamdiffusion::params

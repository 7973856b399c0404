// Components that stand for those of the model.
#include "params/rows.h"

namespace streamdiffusion::params {
namespace {

template <typename Reach>
Parameter component(const char* name, const char* title, const char* help, Reach reach,
                    const char* flag) {
  return {name,
          title,
          help,
          Group::engine,
          Change::engine,
          text(reach),
          {.flag = flag, .flag_value = "PATH|NAME", .yaml = true}};
}

}  // namespace

Rows component_rows() {
  return {
      component("unet", "UNet",
                "Another UNet: a folder, a .safetensors file or a name, such as "
                "ByteDance/SDXL-Lightning/sdxl_lightning_4step_unet.safetensors",
                SD_REACH(engine.unet), "--unet"),
      component("text_encoder", "Text encoder", "Another text encoder: a folder, a file or a name",
                SD_REACH(engine.text_encoder), "--text-encoder"),
      component("text_encoder_2", "Second text encoder",
                "Another second text encoder of an SDXL model: a folder, a file or a name",
                SD_REACH(engine.text_encoder_2), "--text-encoder-2"),
  };
}

}  // namespace streamdiffusion::params

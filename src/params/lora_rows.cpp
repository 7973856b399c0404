// LoRAs: which files, and how strongly each acts.
#include "params/rows.h"

namespace streamdiffusion::params {
Rows lora_rows() {
  return {{"lora_dict",
           "LoRAs",
           "LoRA files that are added to the model, each with a scale; FILE:0.5 for half",
           Group::engine,
           Change::engine,
           LoraList{member<std::vector<Lora>>(SD_REACH(engine.lora_dict)), kMaxLoras, kMaxBytes,
                    -kMaxScale, kMaxScale},
           {.flag = "--lora", .flag_value = "FILE[:SCALE]", .yaml = true}},
          {"lora_scales",
           "LoRA scales",
           "How strongly each LoRA acts, in the order of the files; what the list leaves out stays "
           "as it "
           "is",
           Group::prompt,
           Change::live,
           NumberList{member<std::vector<float>>(SD_REACH(live.options.lora_scales)), -kMaxScale,
                      kMaxScale, kMaxLoras, 0.05},
           {.server = true, .slider_maximum = 2}}};
}

}  // namespace streamdiffusion::params

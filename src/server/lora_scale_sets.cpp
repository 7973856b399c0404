#include "server/lora_scale_sets.h"

#include <string>

#include "base/error.h"
#include "base/join.h"
#include "server/protocol/http_error.h"

namespace streamdiffusion::server {

LoraScaleSets::Use LoraScaleSets::take(const std::vector<float>& scales, const Use& instead_of) {
  const std::lock_guard lock(mutex_);
  std::erase_if(sets_, [](const auto& entry) { return entry.second.expired(); });
  auto& found = sets_[scales];
  if (Use use = found.lock()) return use;
  const bool replaced = instead_of.use_count() == 1;
  const auto others = static_cast<int>(sets_.size()) - 1 - (replaced ? 1 : 0);
  if (others >= limit_) {
    sets_.erase(scales);
    std::vector<std::string> taken;
    for (const auto& [used, use] : sets_) taken.push_back("[" + base::joined(used) + "]");
    throw HttpError(503, "too_many_lora_scales",
                    base::concat("the streams use ", others, " sets of LoRA scales, and each is a ",
                                 "copy of the weights; expected one of ", base::joined(taken),
                                 ", or try again later"),
                    "lora_scales");
  }
  Use use = std::make_shared<const std::vector<float>>(scales);
  found = use;
  return use;
}

}  // namespace streamdiffusion::server

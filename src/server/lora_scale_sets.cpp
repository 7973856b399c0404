#include "server/lora_scale_sets.h"

#include <algorithm>
#include <string>

#include "base/error.h"
#include "base/join.h"
#include "server/protocol/http_error.h"

namespace streamdiffusion::server {

LoraScaleSets::Use LoraScaleSets::take(const std::vector<float>& scales, const void* owner) {
  const std::lock_guard lock(mutex_);
  for (auto& [used, users] : sets_)
    std::erase_if(users, [](const auto& user) { return user.second.expired(); });
  std::erase_if(sets_, [](const auto& set) { return set.second.empty(); });
  if (const auto set = sets_.find(scales); set != sets_.end()) {
    if (const auto own = set->second.find(owner); own != set->second.end()) {
      if (Use use = own->second.lock()) return use;
    }
  }
  const auto others = static_cast<int>(std::ranges::count_if(sets_, [&](const auto& set) {
    return set.second.size() > set.second.count(owner);  // another one uses it
  }));
  if (others >= limit_ && !sets_.contains(scales)) {
    std::vector<std::string> taken;
    for (const auto& [used, use] : sets_) taken.push_back("[" + base::joined(used) + "]");
    throw HttpError(503, "too_many_lora_scales",
                    base::concat("the streams use ", others, " sets of LoRA scales, and each is a ",
                                 "copy of the weights; expected one of ", base::joined(taken),
                                 ", or try again later"),
                    "lora_scales");
  }
  const auto use = std::make_shared<const int>();
  sets_[scales][owner] = use;
  return use;
}

}  // namespace streamdiffusion::server

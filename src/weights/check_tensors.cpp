// WeightStore::check: compares the tensors that a graph reads with those in the files, and lists
// every difference in one message.
#include <set>

#include "base/error.h"
#include "json/quote.h"
#include "weights/tensor_problems.h"
#include "weights/weight_store.h"

namespace streamdiffusion::weights {
namespace {

// Buffers, and the parts of a whole CLIP checkpoint that CLIPTextModel ignores when it loads one.
constexpr std::string_view kDefaultIgnored[] = {"*position_ids", "logit_scale", "vision_model.*",
                                                "visual_projection.weight",
                                                "text_projection.weight"};

}  // namespace

std::span<const std::string_view> default_ignored() {
  return kDefaultIgnored;
}

void WeightStore::check(std::span<const TensorSpec> expected,
                        std::span<const std::string_view> ignored) const {
  TensorProblems problems;
  std::set<const StoredTensor*> used;
  for (const TensorSpec& spec : expected) {
    const StoredTensor* found = find(spec.name);
    if (found == nullptr) {
      problems.missing(spec);
      continue;
    }
    base::require(used.insert(found).second, base::ErrorCode::internal, label_, ": tensor ",
                  json::quote(spec.name), " is used twice by one graph");
    problems.compare(*found, found->dims, spec, file_of(*found));
  }
  for (const auto& [name, entry] : tensors_) {
    if (used.contains(entry.tensor) || is_ignored(name, ignored)) continue;
    problems.unexpected(*entry.tensor, entry.file->path().string());
  }
  problems.throw_if_any(label_);
}

}  // namespace streamdiffusion::weights

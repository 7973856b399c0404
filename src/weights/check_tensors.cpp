// WeightStore::check: compares the tensors that a graph reads with those in the files, and lists
// every difference in one message.
#include <set>

#include "base/error.h"
#include "json/quote.h"
#include "weights/tensor_names.h"
#include "weights/weight_store.h"

namespace streamdiffusion::weights {
namespace {

/// Lines per kind of problem; a wrong folder has thousands.
constexpr std::size_t kMaxListed = 200;

// Buffers, and the parts of a whole CLIP checkpoint that CLIPTextModel ignores when it loads one.
constexpr std::string_view kDefaultIgnored[] = {"*position_ids", "logit_scale", "vision_model.*",
                                                "visual_projection.weight",
                                                "text_projection.weight"};

struct Problems {
  explicit Problems(std::string what) : kind(std::move(what)) {}

  void add(const std::string& line) {
    if (++count <= kMaxListed) lines += "\n    " + line;
  }
  std::string text() const {
    if (count == 0) return {};
    const std::string rest =
        count > kMaxListed ? base::concat("\n    ... and ", count - kMaxListed, " more") : "";
    return base::concat("\n  ", count, ' ', kind, ':', lines, rest);
  }

  std::string kind;
  std::string lines;
  std::size_t count = 0;
};

bool is_ignored(std::string_view name, std::span<const std::string_view> more) {
  for (const auto& patterns : {default_ignored(), more}) {
    for (const std::string_view pattern : patterns) {
      if (matches(name, pattern)) return true;
    }
  }
  return false;
}

bool is_floating(tensor::DType dtype) {
  return dtype == tensor::DType::f32 || dtype == tensor::DType::f16 || dtype == tensor::DType::bf16;
}

}  // namespace

std::span<const std::string_view> default_ignored() {
  return kDefaultIgnored;
}

void WeightStore::check(std::span<const TensorSpec> expected,
                        std::span<const std::string_view> ignored) const {
  Problems missing("missing");
  Problems wrong("of another shape or type");
  Problems unexpected("unexpected");
  std::set<const StoredTensor*> used;
  for (const TensorSpec& spec : expected) {
    const StoredTensor* found = find(spec.name);
    if (found == nullptr) {
      missing.add(json::quote(spec.name) + ", expected " + to_string(spec.dims));
      continue;
    }
    base::require(used.insert(found).second, base::ErrorCode::internal, label_, ": tensor ",
                  json::quote(spec.name), " is used twice by one graph");
    const std::string file = file_of(*found);
    if (!same_dims(found->dims, spec.dims)) {
      wrong.add(base::concat(json::quote(found->name), " is ", to_string(found->dims),
                             ", expected ", to_string(spec.dims), " (", file, ')'));
    } else if (!is_floating(found->dtype)) {
      wrong.add(base::concat(json::quote(found->name), " is ", to_string(found->dtype),
                             ", expected F32, F16 or BF16 (", file, ')'));
    }
  }
  for (const auto& [name, entry] : tensors_) {
    if (used.contains(entry.tensor) || is_ignored(name, ignored)) continue;
    unexpected.add(base::concat(json::quote(name), ' ', to_string(entry.tensor->dims), " (",
                                entry.file->path().string(), ')'));
  }
  if (missing.count + wrong.count + unexpected.count == 0) return;
  base::fail(base::ErrorCode::corrupt_file, label_,
             ": the tensors are not those that the config asks for", missing.text(), wrong.text(),
             unexpected.text());
}

}  // namespace streamdiffusion::weights

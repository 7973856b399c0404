// WeightStore::check: what a graph reads against what the files hold, in one message that lists
// everything.
#include <set>

#include "base/error.h"
#include "json/quote.h"
#include "weights/tensor_names.h"
#include "weights/weight_store.h"

namespace streamdiffusion::weights {
namespace {

constexpr std::size_t listed_at_most = 200;  // lines of a kind; a wrong folder would give thousands

// Buffers that are no weights, and the halves of CLIP that CLIPTextModel drops when it loads a
// whole CLIP.
constexpr std::string_view leftovers_of_the_field[] = {"*position_ids", "logit_scale",
                                                       "vision_model.*", "visual_projection.weight",
                                                       "text_projection.weight"};

struct Problems {
  explicit Problems(std::string what) : kind(std::move(what)) {}

  void add(const std::string& line) {
    if (++count <= listed_at_most) lines += "\n    " + line;
  }
  std::string text() const {
    if (count == 0) return {};
    const std::string rest = count > listed_at_most
                                 ? base::concat("\n    ... and ", count - listed_at_most, " more")
                                 : "";
    return base::concat("\n  ", count, ' ', kind, ':', lines, rest);
  }

  std::string kind;
  std::string lines;
  std::size_t count = 0;
};

bool allowed(std::string_view name, std::span<const std::string_view> more) {
  for (const auto& patterns : {known_leftovers(), more}) {
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

std::span<const std::string_view> known_leftovers() {
  return leftovers_of_the_field;
}

void WeightStore::check(std::span<const TensorSpec> expected,
                        std::span<const std::string_view> leftovers) const {
  Problems missing("missing");
  Problems wrong("of another shape or type");
  Problems unexpected("unexpected");
  std::set<const TensorView*> used;
  for (const TensorSpec& spec : expected) {
    const TensorView* found = find(spec.name);
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
    if (used.contains(entry.tensor) || allowed(name, leftovers)) continue;
    unexpected.add(base::concat(json::quote(name), ' ', to_string(entry.tensor->dims), " (",
                                entry.file->path().string(), ')'));
  }
  if (missing.count + wrong.count + unexpected.count == 0) return;
  base::fail(base::ErrorCode::corrupt_file, label_,
             ": the tensors are not those that the config asks for", missing.text(), wrong.text(),
             unexpected.text());
}

}  // namespace streamdiffusion::weights

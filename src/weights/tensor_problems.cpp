#include "weights/tensor_problems.h"

#include "base/error.h"
#include "json/quote.h"
#include "weights/tensor_names.h"
#include "weights/weight_store.h"

namespace streamdiffusion::weights {
namespace {

/// Lines per kind of problem; a wrong folder has thousands.
constexpr std::size_t kMaxListed = 200;

}  // namespace

void TensorProblems::Kind::add(const std::string& line) {
  if (++count <= kMaxListed) lines.add(line, 4);
}

base::MessageLines TensorProblems::Kind::text(const char* what) const {
  base::MessageLines all;
  if (count == 0) return all;
  all.add(base::concat(count, ' ', what, ':'));
  all.add(lines);
  if (count > kMaxListed) all.add(base::concat("... and ", count - kMaxListed, " more"), 4);
  return all;
}

void TensorProblems::missing(const TensorSpec& spec) {
  missing_.add(json::quote(spec.name) + ", expected " + to_string(spec.dims));
}

void TensorProblems::compare(const StoredTensor& found, std::span<const std::int64_t> dims,
                             const TensorSpec& spec, const std::string& file) {
  if (!same_dims(dims, spec.dims)) {
    wrong_.add(base::concat(json::quote(found.name), " is ", to_string(found.dims), ", expected ",
                            to_string(spec.dims), " (", file, ')'));
  } else if (!is_of_weights(found.dtype)) {
    wrong_.add(base::concat(json::quote(found.name), " is ", to_string(found.dtype),
                            ", expected F32, F16, BF16, F8_E4M3 or F8_E5M2 (", file, ')'));
  }
}

void TensorProblems::unexpected(const StoredTensor& tensor, const std::string& file) {
  unexpected_.add(
      base::concat(json::quote(tensor.name), ' ', to_string(tensor.dims), " (", file, ')'));
}

void TensorProblems::throw_if_any(const std::string& label) const {
  if (missing_.count + wrong_.count + unexpected_.count == 0) return;
  base::fail(base::ErrorCode::corrupt_file, label,
             ": the tensors are not those that the config asks for", missing_.text("missing"),
             wrong_.text("of another shape or type"), unexpected_.text("unexpected"));
}

bool is_ignored(std::string_view name, std::span<const std::string_view> more) {
  for (const auto& patterns : {default_ignored(), more}) {
    for (const std::string_view pattern : patterns) {
      if (matches(name, pattern)) return true;
    }
  }
  return false;
}

}  // namespace streamdiffusion::weights

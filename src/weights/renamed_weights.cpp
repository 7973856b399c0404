#include "weights/renamed_weights.h"

#include <algorithm>
#include <set>

#include "base/error.h"
#include "json/quote.h"
#include "weights/tensor_problems.h"
#include "weights/weight_store.h"

namespace streamdiffusion::weights {

using base::ErrorCode;

RenamedWeights::RenamedWeights(std::shared_ptr<const SafetensorsFile> file, std::string prefix,
                               Locate locate, std::vector<std::string_view> ignored)
    : file_(std::move(file)),
      prefix_(std::move(prefix)),
      locate_(std::move(locate)),
      ignored_(std::move(ignored)) {
  for (const StoredTensor& tensor : file_->tensors()) {
    if (tensor.name.starts_with(prefix_)) tensors_[tensor.name.substr(prefix_.size())] = &tensor;
  }
}

RenamedWeights::Found RenamedWeights::find(std::string_view name) const {
  for (const StoredPart& part : locate_(name)) {
    if (const auto at = tensors_.find(part.name); at != tensors_.end()) return {at->second, part};
  }
  return {};
}

std::vector<std::int64_t> RenamedWeights::dims_of(const Found& found) {
  std::vector<std::int64_t> dims = found.tensor->dims;
  if (found.part.third >= 0 && !dims.empty() && dims[0] % 3 == 0) dims[0] /= 3;
  if (found.part.transposed) std::ranges::reverse(dims);
  return dims;
}

void RenamedWeights::read_f32(std::string_view name, std::span<const std::int64_t> dims,
                              std::span<float> out) const {
  const std::string file = file_->path().string();
  const Found found = find(name);
  base::require(found.tensor != nullptr, ErrorCode::not_found, file, ": tensor ", json::quote(name),
                " is missing");
  base::require(same_dims(dims_of(found), dims), ErrorCode::corrupt_file, file, ": tensor ",
                json::quote(found.tensor->name), " is ", to_string(found.tensor->dims),
                ", expected ", to_string(dims), " of it");
  if (found.part.third < 0 && !found.part.transposed) {
    return file_->read_finite_f32(*found.tensor, out);
  }
  std::vector<float> all(static_cast<std::size_t>(found.tensor->elements()));
  file_->read_finite_f32(*found.tensor, all);
  if (found.part.third >= 0) {
    const std::size_t begin = out.size() * static_cast<std::size_t>(found.part.third);
    std::copy_n(all.begin() + static_cast<std::ptrdiff_t>(begin), out.size(), out.begin());
    return;
  }
  const auto rows = static_cast<std::size_t>(dims[0]), columns = out.size() / rows;
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t c = 0; c < columns; ++c) out[r * columns + c] = all[c * rows + r];
  }
}

void RenamedWeights::check(std::span<const TensorSpec> expected,
                           std::span<const std::string_view> ignored) const {
  const std::string file = file_->path().string();
  TensorProblems problems;
  std::set<std::pair<const StoredTensor*, int>> used;
  std::set<const StoredTensor*> touched;
  for (const TensorSpec& spec : expected) {
    const Found found = find(spec.name);
    if (found.tensor == nullptr) {
      problems.missing(spec);
      continue;
    }
    base::require(used.insert({found.tensor, found.part.third}).second, ErrorCode::internal, file,
                  ": tensor ", json::quote(spec.name), " is used twice by one graph");
    touched.insert(found.tensor);
    problems.compare(*found.tensor, dims_of(found), spec, file);
  }
  std::vector<std::string_view> patterns = ignored_;
  patterns.insert(patterns.end(), ignored.begin(), ignored.end());
  for (const auto& [name, tensor] : tensors_) {
    if (!touched.contains(tensor) && !is_ignored(name, patterns)) {
      problems.unexpected(*tensor, file);
    }
  }
  problems.throw_if_any(file);
}

}  // namespace streamdiffusion::weights

#include "weights/ldm_keys.h"

#include <algorithm>
#include <charconv>

#include "base/error.h"
#include "json/quote.h"

namespace streamdiffusion::weights {

using base::ErrorCode;

LdmKeys::LdmKeys(const SafetensorsFile& file, std::string_view prefix)
    : file_(file.path().string()), prefix_(prefix) {
  for (const StoredTensor& tensor : file.tensors()) {
    if (tensor.name.starts_with(prefix)) tensors_[tensor.name.substr(prefix.size())] = &tensor;
  }
}

bool LdmKeys::any(std::string_view beginning) const {
  const auto at = tensors_.lower_bound(beginning);
  return at != tensors_.end() && at->first.starts_with(beginning);
}

const StoredTensor* LdmKeys::find(std::string_view name) const {
  const auto at = tensors_.find(name);
  return at == tensors_.end() ? nullptr : at->second;
}

std::int64_t LdmKeys::dim(std::string_view name, std::size_t index) const {
  constexpr std::int64_t kMaxDim = 1 << 24;
  const StoredTensor* tensor = find(name);
  const std::string full = prefix_ + std::string(name);
  base::require(tensor != nullptr, ErrorCode::corrupt_file, file_, ": tensor ", json::quote(full),
                " is missing");
  base::require(
      index < tensor->dims.size() && tensor->dims[index] >= 1 && tensor->dims[index] <= kMaxDim,
      ErrorCode::corrupt_file, file_, ": tensor ", json::quote(full), " is ",
      to_string(tensor->dims), ", expected a dimension ", index, " from 1 to ", kMaxDim);
  return tensor->dims[index];
}

std::size_t LdmKeys::rank(std::string_view name) const {
  const StoredTensor* tensor = find(name);
  return tensor == nullptr ? 0 : tensor->dims.size();
}

std::vector<int> LdmKeys::numbers(std::string_view beginning) const {
  constexpr int kMax = 1000;
  std::set<int> found;
  for (auto at = tensors_.lower_bound(beginning);
       at != tensors_.end() && at->first.starts_with(beginning); ++at) {
    const std::string_view rest = std::string_view(at->first).substr(beginning.size());
    int number = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
    if (error == std::errc() && number >= 0 && number < kMax) found.insert(number);
  }
  return {found.begin(), found.end()};
}

int LdmKeys::count(std::string_view beginning) const {
  int next = 0;
  for (const int number : numbers(beginning)) {
    base::require(number == next, ErrorCode::corrupt_file, file_, ": ",
                  json::quote(prefix_ + std::string(beginning) + std::to_string(next)),
                  " is missing, though there are later ones");
    ++next;
  }
  return next;
}

}  // namespace streamdiffusion::weights

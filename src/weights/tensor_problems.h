// The one message of WeightSource::check.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "weights/safetensors.h"
#include "weights/weight_source.h"

namespace streamdiffusion::weights {

class TensorProblems {
 public:
  void missing(const TensorSpec& spec);
  /// If dims (as read) or type are not the expected ones.
  void compare(const StoredTensor& found, std::span<const std::int64_t> dims,
               const TensorSpec& spec, const std::string& file);
  void unexpected(const StoredTensor& tensor, const std::string& file);
  /// Throws corrupt_file if there was any problem.
  void throw_if_any(const std::string& label) const;

 private:
  struct Kind {
    void add(const std::string& line);
    base::MessageLines text(const char* what) const;
    base::MessageLines lines;
    std::size_t count = 0;
  };
  Kind missing_, wrong_, unexpected_;
};

/// True for a name that matches a pattern of default_ignored() or of `more`.
bool is_ignored(std::string_view name, std::span<const std::string_view> more);

}  // namespace streamdiffusion::weights

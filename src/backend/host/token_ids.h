// Token ids are checked before a program reads them: a kernel that meets an id outside the
// vocabulary has no way to say so.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "backend/host/row_group.h"

namespace streamdiffusion::backend::host {

class TokenIds {
 public:
  /// Finds the inputs of the graphs that an embedding reads directly.
  explicit TokenIds(std::span<const RowGroup> groups);

  /// Throws invalid_argument naming the first id that is not in the vocabulary.
  void check(std::size_t program, const State& state) const;

 private:
  struct Input {
    std::size_t program = 0;
    std::string name;
    std::int64_t vocabulary = 0;
  };
  std::vector<Input> inputs_;
};

}  // namespace streamdiffusion::backend::host

// What ops of the reference backend keep from call to call: rows of several slots each.
#pragma once

#include "backend/ref/call.h"
#include "graph/ops/attention.h"

namespace streamdiffusion::backend::ref {

/// [rows][slots][elements]
class KeptRows {
 public:
  KeptRows(float* data, int slots, std::int64_t elements)
      : data_(data), slots_(slots), elements_(elements) {}
  float* at(std::int64_t row, int slot) const { return data_ + (row * slots_ + slot) * elements_; }
  std::int64_t size(std::int64_t rows) const { return rows * slots_ * elements_; }

 private:
  float* data_;
  std::int64_t slots_, elements_;
};

inline graph::RowSlots slots_of(const tensor::View& entries, std::int64_t row, int slots) {
  const std::int64_t count = entries.desc.shape.c;
  return {entries.as<const std::int32_t>() + row * count, count, slots};
}

}  // namespace streamdiffusion::backend::ref

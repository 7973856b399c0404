// Data types, shapes and views, without any arithmetic.
//
// All activations are [n, h, w, c], channels innermost. A sequence has h * w tokens of c channels,
// so it has the same memory order as the features of an image. A vector is [n, 1, 1, c].
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace streamdiffusion::tensor {

enum class DType : std::uint8_t { f32, bf16, f16, u8, i32, i64 };

/// Bytes of one element.
constexpr std::size_t size_of(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return 4;
    case DType::bf16:
      return 2;
    case DType::f16:
      return 2;
    case DType::u8:
      return 1;
    case DType::i32:
      return 4;
    case DType::i64:
      return 8;
  }
  return 0;
}

/// "f32", "bf16", …
const char* to_string(DType dtype);

struct Shape {
  std::int64_t n = 1, h = 1, w = 1, c = 1;

  constexpr std::int64_t tokens() const { return h * w; }
  constexpr std::int64_t row_elements() const { return h * w * c; }
  constexpr std::int64_t elements() const { return n * h * w * c; }
  constexpr bool operator==(const Shape&) const = default;
};

/// "[n, h, w, c]"
std::string to_string(const Shape& shape);

struct Desc {
  Shape shape;
  DType dtype = DType::f32;

  constexpr std::size_t bytes() const {
    return static_cast<std::size_t>(shape.elements()) * size_of(dtype);
  }
  constexpr std::size_t row_bytes() const {
    return static_cast<std::size_t>(shape.row_elements()) * size_of(dtype);
  }
  constexpr bool operator==(const Desc&) const = default;
};

/// A tensor of a model file.
struct TensorSpec {
  /// As diffusers spells it, e.g. "conv_in.weight".
  std::string name;
  /// As the file stores it.
  std::vector<std::int64_t> dims;
};

/// A typed pointer to dense memory that it does not own, channels innermost.
struct View {
  void* data = nullptr;
  Desc desc;

  template <typename T>
  T* as() const {
    return static_cast<T*>(data);
  }
  /// Rows [first, first + count) of this view.
  View rows(std::int64_t first, std::int64_t count) const {
    Desc part = desc;
    part.shape.n = count;
    return {static_cast<std::byte*>(data) + static_cast<std::size_t>(first) * desc.row_bytes(),
            part};
  }
};

}  // namespace streamdiffusion::tensor

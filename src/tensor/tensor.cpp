#include "tensor/tensor.h"

#include "base/error.h"

namespace streamdiffusion::tensor {

const char* to_string(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return "f32";
    case DType::bf16:
      return "bf16";
    case DType::f16:
      return "f16";
    case DType::u8:
      return "u8";
    case DType::i32:
      return "i32";
    case DType::i64:
      return "i64";
  }
  return "?";
}

std::string to_string(const Shape& s) {
  return base::concat("[", s.n, ", ", s.h, ", ", s.w, ", ", s.c, "]");
}

}  // namespace streamdiffusion::tensor

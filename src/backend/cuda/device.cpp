#include "backend/cuda/device.h"

namespace streamdiffusion::backend::cuda {

tensor::DType preferred_type(std::string_view card) {
  const bool geforce = card.find("GeForce") != std::string_view::npos;
  return geforce ? tensor::DType::f16 : tensor::DType::bf16;
}

}  // namespace streamdiffusion::backend::cuda

#include "session/choose_dtype.h"

#include "base/error.h"

namespace streamdiffusion::session {

tensor::DType choose_dtype(DataType wanted, const backend::Device& device) {
  if (wanted == DataType::int8) {
    base::require(device.supports_int8(), base::ErrorCode::unsupported, "dtype int8: this device (",
                  device.description(), ") cannot run int8, expected auto, f32 or bf16");
  }
  if (wanted == DataType::automatic || wanted == DataType::int8) return device.preferred_dtype();
  const auto dtype = wanted == DataType::f32 ? tensor::DType::f32 : tensor::DType::bf16;
  base::require(device.supports(dtype), base::ErrorCode::unsupported, "dtype ",
                tensor::to_string(dtype), ": this device (", device.description(),
                ") has no such arithmetic, expected f32 or auto");
  return dtype;
}

}  // namespace streamdiffusion::session

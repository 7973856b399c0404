#include "backend/cpu/probe/bf16_rate.h"

#include <algorithm>
#include <cstring>

#include "backend/cpu/onednn/matmul.h"
#include "backend/cpu/onednn/one_openmp_thread.h"
#include "base/clock.h"

namespace streamdiffusion::backend::cpu {
namespace {

using tensor::DType;

dnnl::memory zeros(const dnnl::memory::desc& desc) {
  dnnl::memory memory(desc, dnnl_engine());
  if (desc.get_size() > 0) std::memset(memory.get_data_handle(), 0, desc.get_size());
  return memory;
}

/// A matmul that fits in the second-level cache.
class Gemm {
 public:
  explicit Gemm(DType dtype)
      : desc_(matmul_desc({256, 256, 256, dtype, dtype}, epilogue(false, graph::Activation::none))),
        matmul_(desc_),
        arguments_{{DNNL_ARG_SRC, zeros(desc_.src_desc())},
                   {DNNL_ARG_WEIGHTS, zeros(desc_.weights_desc())},
                   {DNNL_ARG_DST, zeros(desc_.dst_desc())},
                   {DNNL_ARG_SCRATCHPAD, zeros(desc_.scratchpad_desc())}} {}

  double seconds(dnnl::stream& stream) const {
    const auto start = base::Clock::now();
    matmul_.execute(stream, arguments_);
    stream.wait();
    return base::seconds_since(start);
  }

 private:
  dnnl::matmul::primitive_desc desc_;
  dnnl::matmul matmul_;
  std::unordered_map<int, dnnl::memory> arguments_;
};

bool measured() {
  // f32 is exact and has Winograd convolution, so bf16 must be clearly faster.
  constexpr double kMinSpeedup = 1.25;
  constexpr int kRounds = 10;
  const OneOpenMpThread single;
  dnnl::stream stream(dnnl_engine());
  const Gemm f32(DType::f32), bf16(DType::bf16);
  double f32_best = f32.seconds(stream), bf16_best = bf16.seconds(stream);
  for (int round = 0; round < kRounds; ++round) {
    f32_best = std::min(f32_best, f32.seconds(stream));
    bf16_best = std::min(bf16_best, bf16.seconds(stream));
  }
  return f32_best > kMinSpeedup * bf16_best;
}

}  // namespace

bool bf16_is_faster() {
  static const bool faster = has_isa(dnnl::cpu_isa::avx512_core_amx) ||
                             (has_isa(dnnl::cpu_isa::avx512_core_bf16) && measured());
  return faster;
}

}  // namespace streamdiffusion::backend::cpu

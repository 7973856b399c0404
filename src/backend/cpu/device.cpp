#include "backend/cpu/device.h"

#include <omp.h>

#include <algorithm>
#include <array>
#include <mutex>

#include "backend/cpu/conv/forms.h"
#include "backend/cpu/executable.h"
#include "backend/cpu/onednn/primitive.h"
#include "backend/cpu/onednn/staging.h"
#include "backend/cpu/probe/bf16_rate.h"
#include "backend/cpu/simd/simd.h"
#include "base/cpu_count.h"
#include "base/error.h"
#include "base/join.h"
#include "base/memory.h"

namespace streamdiffusion::backend::cpu {
namespace {

struct Isa {
  /// As the user writes it.
  const char* name;
  const char* label;
  dnnl::cpu_isa isa;
  bool avx512, vnni;
};

/// Best first.
constexpr std::array kIsas{
    Isa{"amx", "AMX", dnnl::cpu_isa::avx512_core_amx, true, true},
    Isa{"avx512_bf16", "AVX512-BF16", dnnl::cpu_isa::avx512_core_bf16, true, true},
    Isa{"avx512_vnni", "AVX512-VNNI", dnnl::cpu_isa::avx512_core_vnni, true, true},
    Isa{"avx512", "AVX512", dnnl::cpu_isa::avx512_core, true, false},
    Isa{"avx2_vnni", "AVX2-VNNI", dnnl::cpu_isa::avx2_vnni, false, true},
    Isa{"avx2", "AVX2", dnnl::cpu_isa::avx2, false, false},
};

void cap_isa(const std::string& name) {
  if (name.empty()) return;
  const auto* found =
      std::find_if(kIsas.begin(), kIsas.end(), [&](const Isa& isa) { return isa.name == name; });
  if (found == kIsas.end()) {
    base::fail(base::ErrorCode::invalid_argument, "max_isa \"", name,
               "\" is unknown; known: ", base::joined(kIsas, &Isa::name));
  }
  // oneDNN fixes the cap when it is first asked for it, so the new one is set before
  if (dnnl::set_max_cpu_isa(found->isa) != dnnl::status::success) {
    base::require(dnnl::get_effective_cpu_isa() == found->isa, base::ErrorCode::invalid_argument,
                  "max_isa ", name,
                  ": the cap can be set only before the first device is opened in a process");
  }
  if (!found->avx512) simd::cap_to_avx2();
}

const Isa& effective_isa() {
  for (const Isa& isa : kIsas)
    if (has_isa(isa.isa)) return isa;
  base::fail(base::ErrorCode::unsupported, "this processor has no AVX2; use the device \"ref\"");
}

class CpuDevice final : public Device {
 public:
  explicit CpuDevice(const DeviceOptions& options)
      : isa_(effective_isa()),
        options_(options),
        team_(std::make_shared<base::ThreadTeam>(
            options.threads > 0 ? options.threads : base::usable_cores(),
            [](int) { omp_set_num_threads(1); })) {}

  std::string name() const override { return "cpu"; }
  std::string description() const override {
    return std::to_string(threads()) + (threads() == 1 ? " thread, " : " threads, ") + isa_.label;
  }
  int threads() const override { return team_->size(); }
  tensor::DType preferred_dtype() const override {
    return bf16_is_faster() ? tensor::DType::bf16 : tensor::DType::f32;
  }
  /// Without native bf16 instructions, oneDNN emulates them on AVX512 and refuses them below.
  bool supports(tensor::DType dtype) const override {
    return dtype == tensor::DType::f32 || (dtype == tensor::DType::bf16 && isa_.avx512);
  }
  /// VNNI adds four int8 products in 32 bits. Without it, sums of two saturate in 16 bits.
  bool supports_int8() const override { return isa_.vnni; }
  bool rows_are_independent() const override { return true; }
  bool can_pause() const override { return true; }
  std::size_t planned_weight_bytes(const graph::Graph& graph,
                                   const graph::MemoryPlan& plan) const override {
    const Weights none;
    Staging staging;
    double total = 0;
    for (const auto& program : plan.programs) {
      for (const int i : program) {
        const graph::Op& op = graph.ops[static_cast<std::size_t>(i)];
        const KernelContext context{graph, plan, op, none, *cache_, staging, threads(), threads()};
        const auto* conv = std::get_if<graph::Conv2d>(&op.attributes);
        const double factor = conv != nullptr ? form_of(*conv, context).weight_factor : 1;
        total += factor * static_cast<double>(graph.weight_bytes(op));
      }
    }
    return static_cast<std::size_t>(total);
  }
  std::size_t weight_bytes() const override { return cache_->bytes(); }

  /// On the caller's thread and some of low priority, so that the thread team can go on with frames
  /// meanwhile.
  std::unique_ptr<Executable> compile(std::vector<graph::Graph> row_groups, const Weights& weights,
                                      std::span<const std::string> shared_inputs) override {
    const std::lock_guard lock(compile_mutex_);
    bf16_is_faster();  // which is measured while nothing else runs
    auto result = std::make_unique<CpuExecutable>(team_, cache_, std::move(row_groups), weights,
                                                  shared_inputs, options_);
    // returns what packing the weights has freed to the system: 100 MiB for SD-Turbo
    base::trim_memory();
    return result;
  }

 private:
  const Isa& isa_;
  DeviceOptions options_;
  std::shared_ptr<base::ThreadTeam> team_;
  /// Two that compile at once would pack the same weights twice.
  std::mutex compile_mutex_;
  std::shared_ptr<WeightCache> cache_ = std::make_shared<WeightCache>();
};

}  // namespace

std::unique_ptr<Device> make_device(const DeviceOptions& options) {
  cap_isa(options.max_isa);
  return std::make_unique<CpuDevice>(options);
}

std::string library_version() {
  const dnnl_version_t& version = *dnnl_version();
  return base::concat("oneDNN ", version.major, ".", version.minor, ".", version.patch);
}

}  // namespace streamdiffusion::backend::cpu

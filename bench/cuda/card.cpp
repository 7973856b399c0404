#include "cuda/card.h"

#include "backend/cuda/nvidia/card.h"
#include "backend/cuda/nvidia/cuda_runtime.h"
#include "base/error.h"

namespace streamdiffusion::bench {
namespace {

using backend::cuda::Runtime;

std::unique_ptr<Runtime> runtime_of_card() {
  const auto reason = backend::cuda::why_no_card();
  base::require(!reason, base::ErrorCode::not_found, reason.value_or(""));
  return backend::cuda::make_runtime();
}

}  // namespace

Card::Card() : runtime(runtime_of_card()), cudnn(runtime->stream()), cublaslt(runtime->stream()) {}

nlohmann::json describe(const Card& card) {
  nlohmann::json facts;
  for (const backend::Detail& detail : card.runtime->details()) facts[detail.name] = detail.value;
  facts["cuDNN"] = backend::cuda::cudnn_library().version();
  facts["cuDNN path"] = backend::cuda::cudnn_library().path;
  facts["cuBLASLt"] = backend::cuda::CublasLt::version();
  facts["properties"] = nlohmann::json::parse(card.cudnn.card_properties());
  return facts;
}

}  // namespace streamdiffusion::bench

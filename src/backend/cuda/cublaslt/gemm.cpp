// cuBLASLt counts columns first, so y [tokens, out] in rows is its matrix of out rows and tokens
// columns: y = weight^T x, where the stored weight [out, in] is a matrix of in rows and out
// columns.
#include "backend/cuda/cublaslt/gemm.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "backend/cuda/cublaslt/algorithm_text.h"
#include "backend/cuda/cublaslt/cublaslt_library.h"
#include "base/error.h"

namespace streamdiffusion::backend::cuda {
namespace {

constexpr std::size_t kMaxWorkspace = std::size_t{32} << 20;

cudaDataType_t type_of(tensor::DType dtype) {
  switch (dtype) {
    case tensor::DType::f32:
      return CUDA_R_32F;
    case tensor::DType::bf16:
      return CUDA_R_16BF;
    case tensor::DType::f16:
      return CUDA_R_16F;
    default:
      base::fail(base::ErrorCode::unsupported,
                 "the cuda device multiplies f32, bf16 or f16, found ", tensor::to_string(dtype));
  }
}

class Layout {
 public:
  Layout(tensor::DType dtype, std::int64_t rows, std::int64_t columns) {
    check_cublaslt(
        cublaslt_library().layout_create(&layout_, type_of(dtype), static_cast<std::uint64_t>(rows),
                                         static_cast<std::uint64_t>(columns), rows),
        "create a layout");
  }
  ~Layout() { cublaslt_library().layout_destroy(layout_); }
  /// Several matrices, `stride` elements from one to the next; 0: the same one each time.
  void repeat(std::int64_t count, std::int64_t stride) {
    set(CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, static_cast<std::int32_t>(count));
    set(CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, stride);
  }
  Layout(const Layout&) = delete;
  Layout& operator=(const Layout&) = delete;
  cublasLtMatrixLayout_t get() const { return layout_; }

 private:
  template <typename T>
  void set(cublasLtMatrixLayoutAttribute_t attribute, T value) {
    check_cublaslt(cublaslt_library().layout_set(layout_, attribute, &value, sizeof value),
                   "set a layout");
  }
  cublasLtMatrixLayout_t layout_ = nullptr;
};

class MatmulDescription {
 public:
  explicit MatmulDescription(const GemmShape& shape) {
    check_cublaslt(cublaslt_library().desc_create(&description_, CUBLAS_COMPUTE_32F, CUDA_R_32F),
                   "create a description");
    set(CUBLASLT_MATMUL_DESC_TRANSA, CUBLAS_OP_T);
    const auto epilogue = shape.relu
                              ? (shape.bias ? CUBLASLT_EPILOGUE_RELU_BIAS : CUBLASLT_EPILOGUE_RELU)
                              : (shape.bias ? CUBLASLT_EPILOGUE_BIAS : CUBLASLT_EPILOGUE_DEFAULT);
    set(CUBLASLT_MATMUL_DESC_EPILOGUE, epilogue);
    if (shape.bias) set(CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, type_of(shape.output_dtype));
  }
  ~MatmulDescription() { cublaslt_library().desc_destroy(description_); }
  MatmulDescription(const MatmulDescription&) = delete;
  MatmulDescription& operator=(const MatmulDescription&) = delete;

  template <typename T>
  void set(cublasLtMatmulDescAttributes_t attribute, const T& value) {
    check_cublaslt(cublaslt_library().desc_set(description_, attribute, &value, sizeof value),
                   "set an attribute");
  }
  cublasLtMatmulDesc_t get() const { return description_; }

 private:
  cublasLtMatmulDesc_t description_ = nullptr;
};

class Preference {
 public:
  /// Only sums whose order is fixed, so that two runs give the same bits.
  Preference() {
    check_cublaslt(cublaslt_library().preference_create(&preference_), "create a preference");
    set(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, std::uint64_t{kMaxWorkspace});
    set(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
        std::uint32_t{CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE});
  }
  ~Preference() { cublaslt_library().preference_destroy(preference_); }
  Preference(const Preference&) = delete;
  Preference& operator=(const Preference&) = delete;
  cublasLtMatmulPreference_t get() const { return preference_; }

 private:
  template <typename T>
  void set(cublasLtMatmulPreferenceAttributes_t attribute, T value) {
    check_cublaslt(cublaslt_library().preference_set(preference_, attribute, &value, sizeof value),
                   "set a preference");
  }
  cublasLtMatmulPreference_t preference_ = nullptr;
};

/// A product and its three matrices, as cuBLASLt wants them described.
struct Product {
  explicit Product(const GemmShape& of)
      : shape(of),
        description(of),
        weight(of.dtype, of.in, of.out),
        x(of.dtype, of.in, of.tokens),
        y(of.output_dtype, of.out, of.tokens) {
    if (of.products == 1) return;
    weight.repeat(of.products, of.in * of.out);
    x.repeat(of.products, 0);
    y.repeat(of.products, of.y_stride);
    if (of.bias) description.set(CUBLASLT_MATMUL_DESC_BIAS_BATCH_STRIDE, of.out);
  }

  const GemmShape shape;
  MatmulDescription description;
  Layout weight, x, y;
};

/// The first algorithms that the heuristics propose and that work.
std::vector<cublasLtMatmulHeuristicResult_t> propose(cublasLtHandle_t handle,
                                                     const Product& product, std::size_t most) {
  const Preference preference;
  std::vector<cublasLtMatmulHeuristicResult_t> results(std::max<std::size_t>(most, 8));
  int count = 0;
  const cublasStatus_t status = cublaslt_library().get_heuristic(
      handle, product.description.get(), product.weight.get(), product.x.get(), product.y.get(),
      product.y.get(), preference.get(), static_cast<int>(results.size()), results.data(), &count);
  results.resize(status == CUBLAS_STATUS_SUCCESS ? static_cast<std::size_t>(count) : 0);
  std::erase_if(results, [](const auto& result) { return result.state != CUBLAS_STATUS_SUCCESS; });
  const GemmShape& shape = product.shape;
  base::require(!results.empty(), base::ErrorCode::unsupported, "cuBLASLt ", CublasLt::version(),
                " has no algorithm for ", shape.tokens, " tokens from ", shape.in, " to ",
                shape.out, " channels in ", tensor::to_string(shape.dtype));
  results.resize(std::min(results.size(), most));
  return results;
}

class CublasLtGemm final : public LayerCall {
 public:
  CublasLtGemm(cublasLtHandle_t handle, Stream stream, std::shared_ptr<Product> product,
               const cublasLtMatmulHeuristicResult_t& chosen)
      : handle_(handle), stream_(stream), product_(std::move(product)), chosen_(chosen) {}

  std::size_t workspace_bytes() const override { return chosen_.workspaceSize; }
  std::string implementation() const override {
    int id = -1;
    std::size_t written = 0;
    cublaslt_library().algo_get(&chosen_.algo, CUBLASLT_ALGO_CONFIG_ID, &id, sizeof id, &written);
    return base::concat("cublasLt algorithm ", id);
  }
  std::string text() const override { return to_text(chosen_.algo); }
  void run(const Operands& operands) override {
    Product& p = *product_;
    if (p.shape.bias) p.description.set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, operands.bias);
    const float one = 1, beta = p.shape.residual ? 1 : 0;
    const void* residual = p.shape.residual ? operands.residual : operands.y;
    check_cublaslt(cublaslt_library().matmul(handle_, p.description.get(), &one, operands.weight,
                                             p.weight.get(), operands.x, p.x.get(), &beta, residual,
                                             p.y.get(), operands.y, p.y.get(), &chosen_.algo,
                                             operands.workspace, chosen_.workspaceSize, stream_),
                   "multiply");
  }

 private:
  const cublasLtHandle_t handle_;
  const Stream stream_;
  const std::shared_ptr<Product> product_;
  const cublasLtMatmulHeuristicResult_t chosen_;
};

}  // namespace

CublasLt::CublasLt(Stream stream) : stream_(stream) {
  check_cublaslt(cublaslt_library().create(&handle_), "create a handle");
}

CublasLt::~CublasLt() {
  if (handle_ != nullptr) cublaslt_library().destroy(handle_);
}

std::unique_ptr<LayerCall> CublasLt::gemm(const GemmShape& shape, const std::string& text) {
  const std::optional<cublasLtMatmulAlgo_t> algo = algorithm_from_text(text);
  if (!algo) return nullptr;
  auto product = std::make_shared<Product>(shape);
  cublasLtMatmulHeuristicResult_t checked{};
  const cublasStatus_t status = cublaslt_library().algo_check(
      handle_, product->description.get(), product->weight.get(), product->x.get(),
      product->y.get(), product->y.get(), &*algo, &checked);
  const bool usable = status == CUBLAS_STATUS_SUCCESS && checked.state == CUBLAS_STATUS_SUCCESS &&
                      checked.workspaceSize <= kMaxWorkspace;
  if (!usable) return nullptr;
  checked.algo = *algo;
  return std::make_unique<CublasLtGemm>(handle_, stream_, std::move(product), checked);
}

std::vector<std::unique_ptr<LayerCall>> CublasLt::gemms(const GemmShape& shape, std::size_t most) {
  const auto product = std::make_shared<Product>(shape);
  std::vector<std::unique_ptr<LayerCall>> calls;
  for (const auto& chosen : propose(handle_, *product, most))
    calls.push_back(std::make_unique<CublasLtGemm>(handle_, stream_, product, chosen));
  return calls;
}

std::string CublasLt::version() {
  const std::size_t number = cublaslt_library().get_version();
  return base::concat(number / 10000, ".", number / 100 % 100, ".", number % 100);
}

}  // namespace streamdiffusion::backend::cuda

// Launches what is kept from call to call, and the kernel of inject_features.cuh.
#include "backend/cuda/kernels/inject_features.cuh"
#include "backend/cuda/kernels/launch.cuh"

namespace streamdiffusion::backend::cuda {

void launch_keep_rows(const tensor::View& x, const KeptSlots& to, int part, int parts,
                      Stream stream) {
  const tensor::Shape& shape = x.desc.shape;
  dispatch_float(x.desc.dtype, "keep_rows", [&](auto type) {
    using T = typename decltype(type)::type;
    launch("keep_rows", keep_rows<T>, grid_for(shape.elements()), dim3(kThreads), stream,
           x.as<const T>(), to.entries.as<const int>(), static_cast<int>(to.entries.desc.shape.c),
           to.slots, static_cast<T*>(to.data), shape.n, shape.row_elements(),
           parts * shape.row_elements(), part * shape.row_elements());
  });
}

void launch_inject_features(const tensor::View& x, const tensor::View& residual,
                            const KeptSlots& kept, const tensor::View& settings,
                            const tensor::View& y, Stream stream) {
  const tensor::Shape& shape = x.desc.shape;
  const auto tokens = static_cast<int>(shape.tokens());
  const int blocks = (tokens + kInjectTokens - 1) / kInjectTokens;
  dispatch_float(x.desc.dtype, "inject_features", [&](auto type) {
    using T = typename decltype(type)::type;
    launch("inject_features", inject_features<T>,
           dim3(static_cast<unsigned>(blocks), static_cast<unsigned>(shape.n)),
           dim3(kWarp, kInjectTokens), stream, x.as<const T>(), residual.as<const T>(),
           kept.entries.as<const int>(), static_cast<int>(kept.entries.desc.shape.c), kept.slots,
           settings.as<const float>(), static_cast<const T*>(kept.data), y.as<T>(), tokens,
           static_cast<int>(shape.c));
  });
}

}  // namespace streamdiffusion::backend::cuda

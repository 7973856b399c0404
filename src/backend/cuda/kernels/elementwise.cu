// Launches the kernels of elementwise.cuh.
#include "backend/cuda/kernels/elementwise.cuh"
#include "backend/cuda/kernels/launch.cuh"

namespace streamdiffusion::backend::cuda {
namespace {

/// Calls visit(Type<T>) for a type that launch_convert takes.
template <typename Visit>
void dispatch_convertible(tensor::DType dtype, const Visit& visit) {
  if (dtype == tensor::DType::u8) return visit(Type<std::uint8_t>());
  if (dtype == tensor::DType::i32) return visit(Type<std::int32_t>());
  dispatch_float(dtype, "convert", visit);
}

/// Calls visit(Type<V>, width) with the widest type of up to 16 bytes that divides all of `bytes`,
/// and is aligned at all pointers. For kernels that only copy.
template <typename Visit>
void dispatch_copy(std::initializer_list<std::size_t> bytes,
                   std::initializer_list<const void*> pointers, const Visit& visit) {
  const auto fits = [&](std::size_t width) {
    return std::all_of(bytes.begin(), bytes.end(), [&](std::size_t b) { return b % width == 0; }) &&
           std::all_of(pointers.begin(), pointers.end(),
                       [&](const void* p) { return is_aligned(p, width); });
  };
  if (fits(16)) return visit(Type<Vector<std::uint32_t, 4>>());
  if (fits(4)) return visit(Type<std::uint32_t>());
  if (fits(2)) return visit(Type<std::uint16_t>());
  visit(Type<std::uint8_t>());
}

void copy_channels_of(const tensor::View& x, const tensor::View& y, std::int64_t from,
                      std::int64_t to, std::int64_t count, Stream stream) {
  const std::size_t size = tensor::size_of(x.desc.dtype);
  const auto bytes = [size](std::int64_t channels) {
    return static_cast<std::size_t>(channels) * size;
  };
  const std::int64_t tokens = x.desc.shape.n * x.desc.shape.tokens();
  dispatch_copy(
      {bytes(x.desc.shape.c), bytes(y.desc.shape.c), bytes(from), bytes(to), bytes(count)},
      {x.data, y.data}, [&](auto type) {
        using V = typename decltype(type)::type;
        const auto vectors = [&](std::int64_t channels) {
          return static_cast<int>(bytes(channels) / sizeof(V));
        };
        launch("copy_channels", copy_channels<V>, grid_for(tokens * vectors(count)), dim3(kThreads),
               stream, x.as<const V>(), y.as<V>(), tokens, vectors(count), vectors(x.desc.shape.c),
               vectors(y.desc.shape.c), vectors(from), vectors(to));
      });
}

}  // namespace

void launch_add(const tensor::View& a, const tensor::View& b, const tensor::View& y,
                Stream stream) {
  const std::int64_t elements = y.desc.shape.elements();
  dispatch_float(y.desc.dtype, "add", [&](auto type) {
    using T = typename decltype(type)::type;
    dispatch_width<T>(elements, {a.data, b.data, y.data}, [&](auto width) {
      const std::int64_t vectors = elements / width;
      launch("add", add<T, width>, grid_for(vectors), dim3(kThreads), stream, a.as<const T>(),
             b.as<const T>(), y.as<T>(), vectors);
    });
  });
}

void launch_add_scaled(const graph::AddScaled& op, const tensor::View& a, const tensor::View& b,
                       const tensor::View& scales, const tensor::View& y, Stream stream) {
  const std::int64_t in_a_row = y.desc.shape.row_elements();
  dispatch_float(y.desc.dtype, "add_scaled", [&](auto type) {
    using T = typename decltype(type)::type;
    dispatch_width<T>(in_a_row, {a.data, b.data, y.data}, [&](auto width) {
      const std::int64_t vectors_a_row = in_a_row / width;
      const std::int64_t vectors = y.desc.shape.n * vectors_a_row;
      launch("add_scaled", add_scaled<T, width>, grid_for(vectors), dim3(kThreads), stream,
             a.as<const T>(), b.as<const T>(), scales.as<const float>() + op.column, y.as<T>(),
             vectors, vectors_a_row, static_cast<int>(scales.desc.shape.c));
    });
  });
}

void launch_act(graph::Activation activation, const tensor::View& x, const tensor::View& y,
                Stream stream) {
  const std::int64_t elements = y.desc.shape.elements();
  dispatch_float(y.desc.dtype, "act", [&](auto type) {
    using T = typename decltype(type)::type;
    dispatch_width<T>(elements, {x.data, y.data}, [&](auto width) {
      const std::int64_t vectors = elements / width;
      launch("act", act<T, width>, grid_for(vectors), dim3(kThreads), stream, x.as<const T>(),
             y.as<T>(), vectors, activation);
    });
  });
}

void launch_convert(const graph::Convert& op, const tensor::View& x, const tensor::View& y,
                    Stream stream) {
  const std::int64_t tokens = x.desc.shape.n * x.desc.shape.tokens();
  dispatch_convertible(x.desc.dtype, [&](auto from) {
    dispatch_convertible(y.desc.dtype, [&](auto to) {
      using From = typename decltype(from)::type;
      using To = typename decltype(to)::type;
      launch("convert", convert<From, To>, grid_for(y.desc.shape.elements()), dim3(kThreads),
             stream, x.as<const From>(), y.as<To>(), tokens, static_cast<int>(x.desc.shape.c),
             static_cast<int>(y.desc.shape.c), op.scale, op.shift);
    });
  });
}

void launch_add_bias(const BiasTerms& terms, const tensor::View& x, const tensor::View& y,
                     Stream stream) {
  const tensor::Shape& shape = y.desc.shape;
  dispatch_float(y.desc.dtype, "add_bias", [&](auto type) {
    using T = typename decltype(type)::type;
    dispatch_width<T>(shape.c, {x.data, y.data, terms.residual}, [&](auto width) {
      const std::int64_t vectors = shape.elements() / width;
      launch("add_bias", add_bias<T, width>, grid_for(vectors), dim3(kThreads), stream,
             x.as<const T>(), static_cast<const T*>(terms.bias), terms.row_bias,
             static_cast<const T*>(terms.residual), y.as<T>(), vectors,
             static_cast<int>(shape.c / width), shape.row_elements() / width, terms.act);
    });
  });
}

void launch_geglu_gate(const tensor::View& x, const tensor::View& y, Stream stream) {
  const tensor::Shape& shape = y.desc.shape;
  dispatch_float(y.desc.dtype, "geglu_gate", [&](auto type) {
    using T = typename decltype(type)::type;
    dispatch_width<T>(shape.c, {x.data, y.data}, [&](auto width) {
      const std::int64_t vectors = shape.elements() / width;
      launch("geglu_gate", geglu_gate<T, width>, grid_for(vectors), dim3(kThreads), stream,
             x.as<const T>(), y.as<T>(), vectors, static_cast<int>(shape.c / width));
    });
  });
}

void launch_upsample_nearest(const tensor::View& x, const tensor::View& y, Stream stream) {
  const tensor::Shape &in = x.desc.shape, &out = y.desc.shape;
  const std::size_t token_bytes = static_cast<std::size_t>(in.c) * tensor::size_of(x.desc.dtype);
  dispatch_copy({token_bytes}, {x.data, y.data}, [&](auto type) {
    using V = typename decltype(type)::type;
    const auto vectors = static_cast<std::int64_t>(token_bytes / sizeof(V));
    const std::int64_t all = out.n * out.tokens() * vectors;
    launch("upsample_nearest", upsample_nearest<V>, grid_for(all), dim3(kThreads), stream,
           x.as<const V>(), y.as<V>(), all, static_cast<int>(vectors), static_cast<int>(in.h),
           static_cast<int>(in.w), static_cast<int>(out.h), static_cast<int>(out.w));
  });
}

void launch_concat_channels(const tensor::View& a, const tensor::View& b, const tensor::View& y,
                            Stream stream) {
  copy_channels_of(a, y, 0, 0, a.desc.shape.c, stream);
  copy_channels_of(b, y, 0, a.desc.shape.c, b.desc.shape.c, stream);
}

void launch_slice_channels(const graph::SliceChannels& op, const tensor::View& x,
                           const tensor::View& y, Stream stream) {
  copy_channels_of(x, y, op.first, 0, op.count, stream);
}

void launch_embedding(const graph::Embedding& op, const tensor::View& ids, const float* token_table,
                      const float* position_table, const tensor::View& y, Stream stream) {
  const tensor::Shape& shape = y.desc.shape;
  dispatch_float(y.desc.dtype, "embedding", [&](auto type) {
    using T = typename decltype(type)::type;
    launch("embedding", embedding<T>, grid_for(shape.elements()), dim3(kThreads), stream,
           ids.as<const std::int32_t>(), token_table, position_table, y.as<T>(), shape.elements(),
           static_cast<int>(shape.tokens()), static_cast<int>(op.width),
           static_cast<int>(op.vocabulary));
  });
}

void launch_timestep_embedding(const graph::TimestepEmbedding& op, const tensor::View& timesteps,
                               const tensor::View& y, Stream stream) {
  dispatch_float(y.desc.dtype, "timestep_embedding", [&](auto type) {
    using T = typename decltype(type)::type;
    launch("timestep_embedding", timestep_embedding<T>, grid_for(y.desc.shape.elements()),
           dim3(kThreads), stream, timesteps.as<const float>(), y.as<T>(), y.desc.shape.elements(),
           static_cast<int>(op.width), op.flip_sin_to_cos, op.freq_shift);
  });
}

}  // namespace streamdiffusion::backend::cuda

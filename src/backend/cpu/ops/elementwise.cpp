// Ops that copy or map elements. Each worker makes its share of the output.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>

#include "backend/cpu/kernel.h"
#include "backend/cpu/onednn/weight_packing.h"
#include "backend/cpu/share.h"
#include "backend/cpu/simd/simd.h"
#include "base/error.h"
#include "base/half.h"

namespace streamdiffusion::backend::cpu {
namespace {

/// A kernel whose run is a plain function of (worker, workers).
template <typename F>
class FunctionKernel final : public Kernel {
 public:
  FunctionKernel(F function, std::string implementation)
      : function_(std::move(function)), implementation_(std::move(implementation)) {}
  void run(int, const Worker& worker) const override { function_(worker); }
  std::string implementation() const override { return implementation_; }

 private:
  F function_;
  std::string implementation_;
};

template <typename F>
std::unique_ptr<Kernel> make(F function, std::string implementation = std::string("simd:") +
                                                                      simd::target_name()) {
  return std::make_unique<FunctionKernel<F>>(std::move(function), std::move(implementation));
}

/// Elements of the output for one worker, cut at pixels.
Share elements(const tensor::Desc& desc, const Worker& worker, int workers) {
  const Share pixels = share(desc.shape.n * desc.shape.tokens(), worker.index, workers);
  return {pixels.begin * desc.shape.c, pixels.end * desc.shape.c};
}

std::size_t bytes(std::int64_t count, tensor::DType dtype) {
  return static_cast<std::size_t>(count) * size_of(dtype);
}

/// `count` times a piece of the first input, then one of the second.
std::unique_ptr<Kernel> interleave(const KernelContext& context, std::int64_t count,
                                   std::size_t a_bytes, std::size_t b_bytes) {
  return make(
      [a = context.op.inputs[0], b = context.op.inputs[1], y = context.op.output, count, a_bytes,
       b_bytes, workers = context.workers](const Worker& worker) {
        const Share mine = share(count, worker.index, workers);
        const auto first = static_cast<std::size_t>(mine.begin);
        const std::byte* from_a = worker.value<std::byte>(a) + first * a_bytes;
        const std::byte* from_b = worker.value<std::byte>(b) + first * b_bytes;
        std::byte* out = worker.value<std::byte>(y) + first * (a_bytes + b_bytes);
        for (std::int64_t i = mine.begin; i < mine.end; ++i, from_a += a_bytes, from_b += b_bytes) {
          std::memcpy(out, from_a, a_bytes);
          std::memcpy(out + a_bytes, from_b, b_bytes);
          out += a_bytes + b_bytes;
        }
      },
      "copy");
}

/// `n` values of a table in f32 or, `half`, in f16.
void copy_entries(const tensor::Buffer& table, bool half, std::size_t first, std::size_t n,
                  float* out) {
  if (!half) {
    std::copy_n(reinterpret_cast<const float*>(table.data()) + first, n, out);
    return;
  }
  const auto* bits = reinterpret_cast<const std::uint16_t*>(table.data()) + first;
  for (std::size_t j = 0; j < n; ++j) out[j] = base::f16_to_f32(bits[j]);
}

}  // namespace

std::unique_ptr<Kernel> make_kernel(const graph::Add&, const KernelContext& context) {
  return make([a = context.op.inputs[0], b = context.op.inputs[1], y = context.op.output,
               desc = context.output(), workers = context.workers](const Worker& worker) {
    const Share mine = elements(desc, worker, workers);
    const std::size_t at = bytes(mine.begin, desc.dtype);
    simd::add(desc.dtype, worker.value<std::byte>(a) + at, worker.value<std::byte>(b) + at,
              worker.value<std::byte>(y) + at, static_cast<std::size_t>(mine.size()));
  });
}

std::unique_ptr<Kernel> make_kernel(const graph::AddScaled& op, const KernelContext& context) {
  std::vector<std::vector<Segment>> shares;
  const tensor::Shape& shape = context.output().shape;
  for (int w = 0; w < context.workers; ++w) {
    shares.push_back(segments(shape.n, shape.tokens(), w, context.workers));
  }
  return make([a = context.op.inputs[0], b = context.op.inputs[1], scales = context.op.inputs[2],
               y = context.op.output, desc = context.output(), shares = std::move(shares),
               columns = context.input(2).shape.c, column = op.column](const Worker& worker) {
    for (const Segment& s : shares[static_cast<std::size_t>(worker.index)]) {
      const std::int64_t first = (s.row * desc.shape.tokens() + s.begin) * desc.shape.c;
      const std::size_t at = bytes(first, desc.dtype);
      simd::add_scaled(desc.dtype, worker.value<std::byte>(a) + at, worker.value<std::byte>(b) + at,
                       worker.value<std::byte>(y) + at,
                       static_cast<std::size_t>((s.end - s.begin) * desc.shape.c),
                       worker.value<float>(scales)[s.row * columns + column]);
    }
  });
}

std::unique_ptr<Kernel> make_kernel(const graph::Act& op, const KernelContext& context) {
  return make([act = op.act, x = context.op.inputs[0], y = context.op.output,
               desc = context.output(), workers = context.workers](const Worker& worker) {
    const Share mine = elements(desc, worker, workers);
    const std::size_t at = bytes(mine.begin, desc.dtype);
    simd::activate(desc.dtype, worker.value<std::byte>(x) + at, worker.value<std::byte>(y) + at,
                   static_cast<std::size_t>(mine.size()), act);
  });
}

std::unique_ptr<Kernel> make_kernel(const graph::Convert& op, const KernelContext& context) {
  for (const tensor::DType type : {context.input(0).dtype, op.to}) {
    base::require(
        type == tensor::DType::f32 || type == tensor::DType::bf16 || type == tensor::DType::u8,
        base::ErrorCode::unsupported, "convert from ", tensor::to_string(context.input(0).dtype),
        " to ", tensor::to_string(op.to), ": the cpu device converts f32, bf16 and u8");
  }
  return make([op, x = context.op.inputs[0], y = context.op.output, from = context.input(0),
               to = context.output(), workers = context.workers](const Worker& worker) {
    const Share mine = elements(to, worker, workers);
    simd::convert(from.dtype, worker.value<std::byte>(x) + bytes(mine.begin, from.dtype), to.dtype,
                  worker.value<std::byte>(y) + bytes(mine.begin, to.dtype),
                  static_cast<std::size_t>(mine.size()), op.scale, op.shift);
  });
}

std::unique_ptr<Kernel> make_kernel(const graph::UpsampleNearest&, const KernelContext& context) {
  std::vector<std::vector<Segment>> shares;
  for (int w = 0; w < context.workers; ++w) {
    shares.push_back(
        segments(context.output().shape.n, context.output().shape.h, w, context.workers));
  }
  return make(
      [x = context.op.inputs[0], y = context.op.output, from = context.input(0),
       to = context.output(), shares = std::move(shares)](const Worker& worker) {
        const std::size_t pixel = bytes(to.shape.c, to.dtype);
        const std::size_t line = pixel * static_cast<std::size_t>(to.shape.w);
        for (const Segment& s : shares[static_cast<std::size_t>(worker.index)]) {
          for (std::int64_t i = s.begin; i < s.end; ++i) {
            std::byte* out = worker.value<std::byte>(y) +
                             static_cast<std::size_t>(s.row * to.shape.h + i) * line;
            const std::int64_t source = i * from.shape.h / to.shape.h;
            if (i > s.begin && (i - 1) * from.shape.h / to.shape.h == source) {
              std::memcpy(out, out - line, line);
              continue;
            }
            const std::byte* in =
                worker.value<std::byte>(x) +
                static_cast<std::size_t>((s.row * from.shape.h + source) * from.shape.w) * pixel;
            for (std::int64_t j = 0; j < to.shape.w; ++j, out += pixel) {
              std::memcpy(out, in + static_cast<std::size_t>(j * from.shape.w / to.shape.w) * pixel,
                          pixel);
            }
          }
        }
      },
      "copy");
}

std::unique_ptr<Kernel> make_kernel(const graph::ConcatChannels&, const KernelContext& context) {
  const tensor::Desc &a = context.input(0), &b = context.input(1);
  return interleave(context, a.shape.n * a.shape.tokens(), bytes(a.shape.c, a.dtype),
                    bytes(b.shape.c, b.dtype));
}

std::unique_ptr<Kernel> make_kernel(const graph::ConcatTokens&, const KernelContext& context) {
  const tensor::Desc &a = context.input(0), &b = context.input(1);
  return interleave(context, a.shape.n, bytes(a.shape.row_elements(), a.dtype),
                    bytes(b.shape.row_elements(), b.dtype));
}

std::unique_ptr<Kernel> make_kernel(const graph::SliceChannels& op, const KernelContext& context) {
  return make(
      [x = context.op.inputs[0], y = context.op.output, to = context.output(),
       step = bytes(context.input(0).shape.c, context.output().dtype),
       skip = bytes(op.first, context.output().dtype),
       keep = bytes(op.count, context.output().dtype),
       workers = context.workers](const Worker& worker) {
        const Share mine = share(to.shape.n * to.shape.tokens(), worker.index, workers);
        for (auto i = static_cast<std::size_t>(mine.begin); i < static_cast<std::size_t>(mine.end);
             ++i) {
          std::memcpy(worker.value<std::byte>(y) + i * keep,
                      worker.value<std::byte>(x) + i * step + skip, keep);
        }
      },
      "copy");
}

/// A vocabulary may be a tenth of a model, so it is not kept in more bits than it has. An id
/// outside the table reads its last entry. The caller checks them.
std::unique_ptr<Kernel> make_kernel(const graph::Embedding& op, const KernelContext& context) {
  return make([op, ids = context.op.inputs[0], y = context.op.output, desc = context.output(),
               tokens = table_weight(context, 0), positions = plain_weight(context, 1),
               workers = context.workers](const Worker& worker) {
    const Share mine = share(desc.shape.n * desc.shape.tokens(), worker.index, workers);
    const auto width = static_cast<std::size_t>(op.width);
    const bool half =
        tokens->size() < static_cast<std::size_t>(op.vocabulary) * width * sizeof(float);
    for (std::int64_t i = mine.begin; i < mine.end; ++i) {
      const auto id = static_cast<std::uint32_t>(worker.value<std::int32_t>(ids)[i]);
      const std::size_t entry =
          std::min<std::size_t>(id, static_cast<std::size_t>(op.vocabulary) - 1);
      const auto position = static_cast<std::size_t>(i % desc.shape.tokens());
      const float* b = reinterpret_cast<const float*>(positions->data()) + position * width;
      float sum[64];
      for (std::size_t c = 0; c < width; c += 64) {
        const std::size_t n = std::min<std::size_t>(64, width - c);
        copy_entries(*tokens, half, entry * width + c, n, sum);
        for (std::size_t j = 0; j < n; ++j) sum[j] += b[c + j];
        simd::convert(tensor::DType::f32, sum, desc.dtype,
                      worker.value<std::byte>(y) +
                          (static_cast<std::size_t>(i) * width + c) * size_of(desc.dtype),
                      n, 1.0F, 0.0F);
      }
    }
  });
}

std::unique_ptr<Kernel> make_kernel(const graph::TimestepEmbedding& op,
                                    const KernelContext& context) {
  return make(
      [op, x = context.op.inputs[0], y = context.op.output, desc = context.output(),
       workers = context.workers](const Worker& worker) {
        const Share mine = share(desc.shape.n, worker.index, workers);
        const std::int64_t half = op.width / 2;
        for (std::int64_t row = mine.begin; row < mine.end; ++row) {
          const float t = worker.value<float>(x)[row];
          for (std::int64_t i = 0; i < op.width; ++i) {
            const std::int64_t k = i % std::max<std::int64_t>(half, 1);
            const float step = std::log(10000.0F) / (static_cast<float>(half) - op.freq_shift);
            const float angle = t * std::exp(-step * static_cast<float>(k));
            const bool cosine = (i < half) == op.flip_sin_to_cos;
            const float value = i >= 2 * half ? 0.0F : cosine ? std::cos(angle) : std::sin(angle);
            simd::convert(tensor::DType::f32, &value, desc.dtype,
                          worker.value<std::byte>(y) +
                              static_cast<std::size_t>(row * op.width + i) * size_of(desc.dtype),
                          1, 1.0F, 0.0F);
          }
        }
      },
      "scalar");
}

}  // namespace streamdiffusion::backend::cpu

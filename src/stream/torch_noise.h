// Normal noise as torch.randn draws it on a CPU from a seeded generator, equal to about 1e-6.
// docs/algorithm.md, section 6.
#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <span>

namespace streamdiffusion::stream {

class TorchGenerator {
 public:
  explicit TorchGenerator(std::uint64_t seed) : engine_(static_cast<std::uint32_t>(seed)) {}

  /// Fills `out` as torch.randn(out.size()) would; draws go on where the last one ended.
  void randn(std::span<float> out);

 private:
  float uniform24();
  double uniform53();
  double normal();

  std::mt19937 engine_;
  /// Second of a pair of normals, drawn one at a time.
  std::optional<double> waiting_;
};

/// randn of [rows, channels, h, w] as torch has it, stored [rows, h, w, channels] as the engine has
/// it.
void randn_nhwc(TorchGenerator& generator, std::int64_t rows, std::int64_t channels, std::int64_t h,
                std::int64_t w, std::span<float> out);

}  // namespace streamdiffusion::stream

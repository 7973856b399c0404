// The formula of hash_weights.h.
#include "weights/hash_weights.h"

#include <cmath>
#include <set>

#include "base/error.h"
#include "base/hash.h"
#include "json/quote.h"
#include "weights/safetensors.h"

namespace streamdiffusion::weights {
namespace {

using base::ErrorCode;
using base::require;

// Output number `index` of splitmix64 with the seed `start` (Steele, Lea, Flood: Fast splittable
// pseudorandom number generators, 2014).
std::uint64_t splitmix64(std::uint64_t start, std::uint64_t index) {
  std::uint64_t z = start + (index + 1) * 0x9e3779b97f4a7c15U;
  z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31U);
}

// Uniform in (-1, 1): an odd integer of 24 bits and a sign, times 2^-24. Exact in f32.
float unit(std::uint64_t bits) {
  const auto odd = static_cast<std::int32_t>(bits >> 40U) * 2 + 1 - (1 << 24);
  return static_cast<float>(odd) * 0x1p-24F;
}

}  // namespace

void HashWeights::read_f32(std::string_view name, std::span<const std::int64_t> dims,
                           std::span<float> out) const {
  std::int64_t elements = 1;
  for (const std::int64_t dim : dims) elements *= dim;
  require(static_cast<std::int64_t>(out.size()) == elements, ErrorCode::internal, "tensor ",
          json::quote(name), " is ", to_string(dims), ", but the output holds ", out.size(),
          " elements");
  constexpr std::string_view prefix = "text_model.";
  const std::uint64_t start =
      base::fnv1a(name.starts_with(prefix) ? name.substr(prefix.size()) : name);
  float offset = 0;
  float scale = 0;
  if (name.ends_with("bias")) {
    scale = 0x1p-4F;
  } else if (dims.size() < 2) {
    offset = 1;
    scale = 0x1p-3F;
  } else {
    const auto fan_in = static_cast<double>(elements / std::max<std::int64_t>(dims[0], 1));
    scale = static_cast<float>(std::sqrt(3.0 / fan_in));
  }
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = offset + unit(splitmix64(start, i)) * scale;
  }
}

void HashWeights::check(std::span<const TensorSpec> expected,
                        std::span<const std::string_view> /*ignored*/) const {
  std::set<std::string_view> seen;
  for (const TensorSpec& spec : expected) {
    require(seen.insert(spec.name).second, ErrorCode::internal, "tensor ", json::quote(spec.name),
            " is used twice by one graph");
  }
}

}  // namespace streamdiffusion::weights

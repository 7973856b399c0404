// The change that a LoRA makes to one weight: from its factors to the full matrix. All forms are
// linear in the scale, so that several may be added.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "lora/key.h"

namespace streamdiffusion::lora {

/// A tensor of a LoRA file.
struct Factor {
  std::vector<std::int64_t> dims;
  /// Row major; fills `dims`. Empty in functions that only check shapes.
  std::vector<float> values;
};
using Factors = std::map<Part, Factor>;

/// Which parts a change is made of, and what their shapes must be.
enum class Form {
  /// up [out, r] x down [r, in, kh, kw]
  lora,
  /// The Tucker form of a convolution: up [out, r], mid [r, r, kh, kw], down [r, in].
  lora_mid,
  /// (w1_a [out, r] x w1_b [r, in kh kw]) * (w2_a x w2_b), element by element
  hada,
  /// The same with w_a [r, out], w_b [r, in] and t [r, r, kh, kw]
  hada_mid,
  /// w1 [a, b] (x) w2 [c, d, kh, kw], the Kronecker product, with out = a c and in = b d; each may
  /// be a product of two
  kron,
  diff,
};

/// A change with its shapes checked against those of the weight.
struct Shape {
  Form form = Form::lora;
  /// What alpha is divided by; 0 where there is nothing to divide.
  std::int64_t rank = 0;
};

/// Finds the form by the parts and checks every shape. `dims` is the weight's shape, [out, in] or
/// [out, in, kh, kw]. Throws corrupt_file naming the part, its shape and the expected one; `where`
/// begins the message.
Shape check_shape(const Factors& factors, std::span<const std::int64_t> dims,
                  const std::string& where);

/// Adds scale * change to a weight of out.size() = product of `dims` elements. All sums are in f32,
/// in an order that depends on the shapes alone, so that equal factors give equal bits.
void add_change(const Factors& factors, Form form, std::span<const std::int64_t> dims, float scale,
                std::span<float> out);

}  // namespace streamdiffusion::lora

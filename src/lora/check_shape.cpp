// Which form a change has, by the parts that a file holds, and whether their shapes fit the weight.
#include <algorithm>

#include "base/error.h"
#include "base/join.h"
#include "lora/delta.h"
#include "weights/safetensors.h"

namespace streamdiffusion::lora {
namespace {

using base::ErrorCode;
using Dims = std::vector<std::int64_t>;

class Checker {
 public:
  Checker(const Factors& factors, std::span<const std::int64_t> dims, const std::string& where)
      : factors_(factors), where_(where), out_(dims.front()) {
    for (const std::int64_t dim : dims.subspan(1)) rest_ *= dim;
    in_ = dims.size() > 1 ? dims[1] : 1;
    taps_ = in_ > 0 ? rest_ / in_ : 1;
  }

  Shape lora() const {
    only({Part::down, Part::up, Part::mid, Part::alpha}, {Part::down, Part::up});
    const std::int64_t rank = rows(Part::down);
    expect(Part::up, out_, rank);
    if (!has(Part::mid)) {
      expect(Part::down, rank, rest_);
      return {Form::lora, rank};
    }
    expect(Part::down, rank, in_);
    expect_middle(Part::mid, columns(Part::up), rank);
    return {Form::lora_mid, rank};
  }

  Shape hada() const {
    only({Part::hada_w1_a, Part::hada_w1_b, Part::hada_w2_a, Part::hada_w2_b, Part::hada_t1,
          Part::hada_t2, Part::alpha},
         {Part::hada_w1_a, Part::hada_w1_b, Part::hada_w2_a, Part::hada_w2_b});
    const std::int64_t rank = rows(Part::hada_w1_b);
    const bool middle = has(Part::hada_t1);
    base::require(middle == has(Part::hada_t2), ErrorCode::corrupt_file, where_,
                  "has one of hada_t1 and hada_t2, expected both or none");
    hada_factor(Part::hada_w1_a, Part::hada_w1_b, Part::hada_t1, middle, out_, in_);
    hada_factor(Part::hada_w2_a, Part::hada_w2_b, Part::hada_t2, middle, out_, in_);
    return {middle ? Form::hada_mid : Form::hada, rank};
  }

  Shape kron() const {
    only({Part::lokr_w1, Part::lokr_w1_a, Part::lokr_w1_b, Part::lokr_w2, Part::lokr_w2_a,
          Part::lokr_w2_b, Part::lokr_t2, Part::alpha},
         {});
    std::int64_t rank = 0;
    const auto [a, b] = kron_size(Part::lokr_w1, Part::lokr_w1_a, Part::lokr_w1_b, 1, rank);
    base::require(a > 0 && b > 0 && out_ % a == 0 && in_ % b == 0, ErrorCode::corrupt_file, where_,
                  "lokr_w1 is [", a, ", ", b, "], expected divisors of the weight's ", out_,
                  " outputs and ", in_, " inputs");
    const std::int64_t c = out_ / a, d = in_ / b;
    if (has(Part::lokr_w2)) {
      expect(Part::lokr_w2, c, d * taps_);
      refuse_both(Part::lokr_w2, Part::lokr_w2_a);
    } else {
      need(Part::lokr_w2_a);
      need(Part::lokr_w2_b);
      rank = rows(Part::lokr_w2_b);
      hada_factor(Part::lokr_w2_a, Part::lokr_w2_b, Part::lokr_t2, has(Part::lokr_t2), c, d);
    }
    return {Form::kron, rank};
  }

  Shape diff() const {
    only({Part::diff}, {Part::diff});
    expect(Part::diff, out_, rest_);
    return {Form::diff, 0};
  }

 private:
  bool has(Part part) const { return factors_.contains(part); }
  const Dims& dims(Part part) const { return factors_.at(part).dims; }
  std::int64_t rows(Part part) const { return dims(part).empty() ? 1 : dims(part).front(); }
  std::int64_t columns(Part part) const {
    std::int64_t all = 1;
    for (std::size_t i = 1; i < dims(part).size(); ++i) all *= dims(part)[i];
    return all;
  }

  void need(Part part) const {
    base::require(has(part), ErrorCode::corrupt_file, where_, "has no ", to_string(part));
  }
  void only(std::initializer_list<Part> known, std::initializer_list<Part> needed) const {
    for (const Part part : needed) need(part);
    for (const auto& [part, factor] : factors_) {
      base::require(std::find(known.begin(), known.end(), part) != known.end(),
                    ErrorCode::corrupt_file, where_, "has ", to_string(part), " beside ",
                    to_string(*known.begin()), ", expected parts of one method");
      base::require(std::ranges::all_of(factor.dims, [](std::int64_t dim) { return dim > 0; }),
                    ErrorCode::corrupt_file, where_, to_string(part), " is ",
                    weights::to_string(factor.dims), ", expected no empty dimension");
    }
  }
  void refuse_both(Part whole, Part half) const {
    base::require(!has(half), ErrorCode::corrupt_file, where_, "has both ", to_string(whole),
                  " and ", to_string(half), ", expected one of them");
  }

  /// A matrix of first dimension x all others.
  void expect(Part part, std::int64_t want_rows, std::int64_t want_columns) const {
    base::require(rows(part) == want_rows && columns(part) == want_columns, ErrorCode::corrupt_file,
                  where_, to_string(part), " is ", weights::to_string(dims(part)), ", expected ",
                  want_rows, " x ", want_columns, " numbers (a weight of ", out_, " x ", rest_,
                  ")");
  }
  void expect_middle(Part part, std::int64_t first, std::int64_t second) const {
    const bool good = dims(part).size() >= 2 && dims(part)[0] == first && dims(part)[1] == second &&
                      columns(part) == second * taps_;
    base::require(good, ErrorCode::corrupt_file, where_, to_string(part), " is ",
                  weights::to_string(dims(part)), ", expected ", first, " x ", second, " x ", taps_,
                  " numbers");
  }

  /// [out, r] x [r, in taps], or with a middle [r, out] and [r, in].
  void hada_factor(Part a, Part b, Part t, bool middle, std::int64_t out, std::int64_t in) const {
    const std::int64_t rank = rows(b);
    if (!middle) {
      expect(a, out, rank);
      expect(b, rank, in * taps_);
      return;
    }
    expect(a, rows(a), out);
    expect(b, rank, in);
    expect_middle(t, rows(a), rank);
  }

  /// Rows and columns of a factor that is whole or a product.
  std::pair<std::int64_t, std::int64_t> kron_size(Part whole, Part a, Part b, std::int64_t taps,
                                                  std::int64_t& rank) const {
    if (has(whole)) {
      refuse_both(whole, a);
      return {rows(whole), columns(whole) / taps};
    }
    need(a);
    need(b);
    rank = rows(b);
    expect(a, rows(a), rank);
    return {rows(a), columns(b) / taps};
  }

  const Factors& factors_;
  const std::string& where_;
  std::int64_t out_, rest_ = 1, in_ = 1, taps_ = 1;
};

}  // namespace

Shape check_shape(const Factors& factors, std::span<const std::int64_t> dims,
                  const std::string& where) {
  const Checker checker(factors, dims, where);
  const auto has = [&](std::initializer_list<Part> parts) {
    return std::ranges::any_of(parts, [&](Part part) { return factors.contains(part); });
  };
  if (has({Part::diff})) return checker.diff();
  if (has({Part::hada_w1_a, Part::hada_w1_b, Part::hada_w2_a, Part::hada_w2_b})) {
    return checker.hada();
  }
  if (has({Part::lokr_w1, Part::lokr_w1_a, Part::lokr_w2, Part::lokr_w2_a})) return checker.kron();
  return checker.lora();
}

}  // namespace streamdiffusion::lora

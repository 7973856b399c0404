#include "backend/op_expect.h"

#include <gtest/gtest.h>

#include <cmath>

namespace streamdiffusion::backend::test {
namespace {

using tensor::DType;

/// 1 - cosine; PyTorch's own bf16 is at 5e-5.
constexpr double kBf16Distance = 2e-4;
/// Difference in length, which a cosine does not see.
constexpr double kBf16Length = 5e-3;
/// One step of u8 or bf16, as a share of a largest value that may be half of it.
constexpr double kOneStep = 1.0 / 128;

double relative_error(const std::vector<float>& values, const std::vector<float>& expected) {
  double difference = 0, largest = 1e-30;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double d = std::abs(double{values[i]} - double{expected[i]});
    if (!(d <= difference)) difference = d;
    largest = std::max(largest, std::abs(double{expected[i]}));
  }
  return difference / largest;
}

double dot(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += double{a[i]} * double{b[i]};
  return sum;
}

void expect_same_direction_and_length(const std::vector<float>& values,
                                      const std::vector<float>& expected) {
  const double length = std::sqrt(dot(values, values)),
               expected_length = std::sqrt(dot(expected, expected));
  EXPECT_NEAR(length, expected_length, kBf16Length * expected_length);
  if (expected_length == 0) return;
  EXPECT_LE(1 - dot(values, expected) / (length * expected_length), kBf16Distance);
}

}  // namespace

void expect_close(const OpCase& op, DType dtype, const CaseOutputs& found,
                  const CaseOutputs& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (const auto& [name, reference] : expected) {
    const CaseOutput& output = found.at(name);
    SCOPED_TRACE(name);
    ASSERT_EQ(output.desc.shape, reference.desc.shape);
    if (dtype != DType::f32) {
      expect_same_direction_and_length(output.values, reference.values);
    } else {
      const bool coarse = reference.desc.dtype == DType::u8 || reference.desc.dtype == DType::bf16;
      const double tolerance = coarse && op.f32_tolerance > 0 ? kOneStep : op.f32_tolerance;
      const double error = relative_error(output.values, reference.values);
      EXPECT_LE(error, tolerance);
    }
  }
}

}  // namespace streamdiffusion::backend::test

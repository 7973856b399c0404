// What convolutions and linear layers share.
#pragma once

#include <cstdint>
#include <span>

#include "graph/ops/activation.h"

namespace streamdiffusion::backend::ref {

/// sums[o] += x[i] * weight[i * stride + o] for every i.
void multiply_add(std::span<double> sums, std::span<const float> x, const float* weight,
                  std::int64_t stride);

/// sums[o] += terms[o]; does nothing if `terms` is null.
void add(std::span<double> sums, const float* terms);

double activate(graph::Activation activation, double x);

}  // namespace streamdiffusion::backend::ref

// A file of tools/goldens/models.py: a tiny model's config, a call of it, and what diffusers or
// transformers answered.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "json/json.h"
#include "models/unet.h"

namespace streamdiffusion::golden {

/// All files of the folder that hold a model, sorted.
std::vector<std::filesystem::path> model_files();

/// The shape of a UNet's call.
models::UNetShape unet_shape(const json::Json& call, tensor::DType activations);

/// The graphs that a file's config and call ask for (one, or encoder and decoder).
std::vector<graph::Graph> build_graphs(const json::Json& golden, tensor::DType activations);

/// Fills an input of a graph with the numbers that the Python side made from its name, or that the
/// call lists.
void fill_input(const json::Json& golden, const std::string& name, tensor::View input);

/// Allowed of an output in f32, as a share of its largest expected value.
inline constexpr double kF32RelativeError = 1e-4;

/// What is known of an output: element (k * 7919) % size for k = 0, 1, …, and measures of all of
/// it.
struct Expectation {
  std::vector<std::int64_t> shape;
  double max_abs = 0, mean = 0, rms = 0;
  std::vector<float> values;
};

Expectation expectation(const json::Json& golden, const std::string& output);

/// The same of an f32 result; max_abs of the result, whatever was expected.
Expectation measure(tensor::View result, std::size_t kept);

}  // namespace streamdiffusion::golden

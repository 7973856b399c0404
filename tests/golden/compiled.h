// A graph compiled with hash weights, and the comparison of its outputs with a golden.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "graph/graph.h"
#include "json/json.h"

namespace streamdiffusion::golden {

/// One program compiled from a graph, with hash weights of the names behind `root`.
class Compiled {
 public:
  Compiled(backend::Device& device, graph::Graph graph, const std::string& root);
  void run();
  const std::vector<graph::Input>& inputs() const { return inputs_; }
  tensor::View input(const std::string& name) { return state_->input(name); }
  tensor::View output(const std::string& name) { return state_->output(name); }

 private:
  std::vector<graph::Input> inputs_;
  std::unique_ptr<backend::Executable> executable_;
  std::unique_ptr<backend::State> state_;
};

/// Compares an output with the golden's of that name: in f32 to 1e-4 of the largest value.
void expect_close(const json::Json& golden, const std::string& name, tensor::View output,
                  tensor::DType dtype);

}  // namespace streamdiffusion::golden

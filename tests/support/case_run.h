// One op case compiled for a device, with its inputs filled in.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "support/op_case.h"

namespace streamdiffusion::backend::test {

struct CaseOptions {
  /// Of the activations.
  tensor::DType dtype = tensor::DType::f32;
  /// Rounds weights and inputs to this type, so that f32 and it start from the same.
  tensor::DType rounded_to = tensor::DType::f32;
  /// The rows are dealt out evenly.
  int row_groups = 1;
  /// Products of ops that can.
  bool int8 = false;
};

struct CaseOutput {
  tensor::Desc desc;
  std::vector<float> values;
  std::vector<std::byte> bytes;
};
using CaseOutputs = std::map<std::string, CaseOutput>;

class CaseRun {
 public:
  CaseRun(Device& device, const OpCase& op, const CaseOptions& options);

  /// Every program once, in the order of their lifetimes.
  void run();
  CaseOutputs outputs() const;
  /// Fills the outputs with ones, so that a run that writes nothing is noticed.
  void spoil_outputs();
  /// Copies the first row's inputs to all other rows.
  void repeat_first_row();
  Executable& executable() { return *executable_; }
  State& state() { return *state_; }

 private:
  std::vector<std::string> inputs_, outputs_;
  std::unique_ptr<Executable> executable_;
  std::unique_ptr<State> state_;
};

/// Compiles, runs and reads.
CaseOutputs run_case(Device& device, const OpCase& op, const CaseOptions& options);

/// Hash weights under this scope, rounded.
Weights case_weights(const std::string& scope, tensor::DType rounded_to);

}  // namespace streamdiffusion::backend::test

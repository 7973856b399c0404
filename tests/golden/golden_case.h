// One golden of an adapter, on one device in one type: what the tests of ControlNets, IP-Adapters
// and cached frames share.
#pragma once

#include <gtest/gtest.h>

#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "json/json.h"
#include "tensor/tensor.h"

namespace streamdiffusion::golden {

struct Case {
  std::string name, device;
  tensor::DType dtype;
};

/// Each name on every device of this build: in f32, and in bf16 except on `ref`.
std::vector<Case> cases(std::initializer_list<const char*> names);

/// "sd_cpu_bf16", for INSTANTIATE_TEST_SUITE_P.
std::string case_name(const ::testing::TestParamInfo<Case>& info);

/// Opens the device and reads golden/FOLDER/NAME.json. Skips bf16 on a processor that has it only
/// by emulation.
class GoldenCase : public ::testing::TestWithParam<Case> {
 protected:
  explicit GoldenCase(std::string folder) : folder_(std::move(folder)) {}
  void SetUp() override;

  std::unique_ptr<backend::Device> device_;
  json::Json golden_ = json::Json::parse("null", "");

 private:
  std::string folder_;
};

}  // namespace streamdiffusion::golden

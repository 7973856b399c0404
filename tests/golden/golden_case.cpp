// The list of cases, and what each of them begins with.
#include "golden/golden_case.h"

#include "support/environment.h"

namespace streamdiffusion::golden {

using tensor::DType;

std::vector<Case> cases(std::initializer_list<const char*> names) {
  std::vector<Case> all;
  for (const char* name : names) {
    for (const std::string& device : backend::device_names()) {
      all.push_back({name, device, DType::f32});
      if (device != "ref") all.push_back({name, device, DType::bf16});
    }
  }
  return all;
}

std::string case_name(const ::testing::TestParamInfo<Case>& info) {
  return info.param.name + "_" + info.param.device + "_" + to_string(info.param.dtype);
}

void GoldenCase::SetUp() {
  device_ = backend::make_device(GetParam().device, {.threads = 2});
  if (GetParam().dtype == DType::bf16 && device_->preferred_dtype() == DType::f32)
    GTEST_SKIP() << "this processor has no fast bf16";
  golden_ = json::Json::read(streamdiffusion::testing::data_folder(SD_TEST_DATA_DIR) / "golden" /
                             folder_ / (GetParam().name + ".json"));
}

}  // namespace streamdiffusion::golden

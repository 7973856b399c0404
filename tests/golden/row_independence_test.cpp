// A row of a UNet's call has the same bits alone and among other rows, at every seat: what sessions
// that share a call rest on.
#include <gtest/gtest.h>

#include <cstring>

#include "backend/backend.h"
#include "golden/compiled.h"
#include "golden/golden_file.h"
#include "models/unet.h"
#include "support/environment.h"
#include "weights/hash_weights.h"

namespace streamdiffusion::golden {
namespace {

using tensor::DType;

struct Company {
  std::string model;
  DType dtype;
  int threads;
};

models::UNetShape shape_of(int rows, DType dtype) {
  models::UNetShape shape{
      .rows = rows, .h = 12, .w = 16, .prompts = rows, .tokens = 12, .activations = dtype};
  for (int row = 0; row < rows; ++row) shape.kv_rows.push_back(row);
  return shape;
}

/// Numbers of an input's row that depend on its name and on `content`.
void fill_row(const graph::Input& input, int content, std::span<float> out) {
  const std::string name = input.name + "." + std::to_string(content);
  const std::array dims{std::int64_t{1}, static_cast<std::int64_t>(out.size())};
  weights::HashWeights().read_f32(name, dims, out);
  const float scale = input.name == "timesteps" ? 300 : input.name == "size" ? 64 : 1;
  for (float& value : out) value = scale > 1 ? scale * std::abs(value) : 8 * value;
}

class RowIndependence : public ::testing::TestWithParam<Company> {
 protected:
  /// The prediction of each row when row i has contents[i].
  std::vector<std::vector<std::byte>> predict(const std::vector<int>& contents) {
    const auto rows = static_cast<std::int64_t>(contents.size());
    Compiled unet(*device_,
                  models::build_unet(config_, shape_of(static_cast<int>(rows), GetParam().dtype)),
                  "");
    for (const graph::Input& input : unet.inputs()) {
      const tensor::View view = unet.input(input.name);
      EXPECT_EQ(view.desc.shape.n, rows) << input.name;
      const auto each = static_cast<std::size_t>(view.desc.shape.elements() / rows);
      for (std::size_t row = 0; row < contents.size(); ++row)
        fill_row(input, contents[row], {view.as<float>() + row * each, each});
    }
    unet.run();
    const tensor::View answer = unet.output("prediction");
    std::vector<std::vector<std::byte>> answers;
    for (std::size_t row = 0; row < contents.size(); ++row) {
      const auto* begin = static_cast<const std::byte*>(answer.data) +
                          row * static_cast<std::size_t>(answer.desc.row_bytes());
      answers.emplace_back(begin, begin + answer.desc.row_bytes());
    }
    return answers;
  }

  models::UNetConfig config_ =
      models::unet_config(json::Json::read(streamdiffusion::testing::data_folder(SD_TEST_DATA_DIR) /
                                           "golden" / (GetParam().model + ".json"))
                              .at("config"));
  std::unique_ptr<backend::Device> device_ =
      backend::make_device("cpu", {.threads = GetParam().threads});
};

TEST_P(RowIndependence, ARowHasItsBitsAmongOthersAtEverySeat) {
  if (!device_->supports(GetParam().dtype)) GTEST_SKIP() << "this processor has no bf16";
  const auto alone = predict({0}).front();
  EXPECT_NE(alone, predict({1}).front()) << "the inputs do not matter";
  for (const std::size_t rows : {2U, 3U, 4U, 8U}) {
    for (std::size_t seat = 0; seat < rows; ++seat) {
      std::vector<int> contents;
      for (std::size_t row = 0; row < rows; ++row)
        contents.push_back(row == seat ? 0 : static_cast<int>(row) + 1);
      EXPECT_TRUE(predict(contents)[seat] == alone) << "seat " << seat << " of " << rows;
      if (rows == 8) seat += 2;
    }
  }
}

std::vector<Company> companies() {
  std::vector<Company> all;
  for (const DType dtype : {DType::f32, DType::bf16}) {
    for (const char* model : {"unet_sd15", "unet_sd2_odd", "unet_sdxl", "unet_heads_of_40"})
      all.push_back({model, dtype, 2});
    for (const int threads : {1, 3}) all.push_back({"unet_sd15", dtype, threads});
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(UNets, RowIndependence, ::testing::ValuesIn(companies()),
                         [](const ::testing::TestParamInfo<Company>& company) {
                           return company.param.model + "_" + to_string(company.param.dtype) + "_" +
                                  std::to_string(company.param.threads);
                         });

}  // namespace
}  // namespace streamdiffusion::golden

// What LoRA files may not hold, and several at once.
#include "lora/lora_file.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>

#include "lora/lora_set.h"
#include "support/errors.h"
#include "support/temporary_folder.h"

namespace streamdiffusion::lora {
namespace {

using base::ErrorCode;
using testing::expect_error;
using testing::TemporaryFolder;
using weights::TensorToWrite;

const std::string kModule = "lora_unet_mid_block_attentions_0_proj_in";
const std::string kTensor = "mid_block.attentions.0.proj_in.weight";

ModuleMap modules() {
  const std::vector<NetworkTensors> model{{Network::unet,
                                           {{kTensor, {6, 8, 1, 1}},
                                            {"mid_block.attentions.0.proj_in.bias", {6}},
                                            {"conv_in.weight", {6, 4, 3, 3}}}}};
  return ModuleMap(model);
}

TensorToWrite filled(const std::string& name, std::vector<std::int64_t> dims, float value = 1) {
  std::size_t count = 1;
  for (const std::int64_t dim : dims) count *= static_cast<std::size_t>(dim);
  return {name, std::move(dims), std::vector<float>(count, value)};
}

std::vector<TensorToWrite> good() {
  return {filled(kModule + ".lora_down.weight", {2, 8}),
          filled(kModule + ".lora_up.weight", {6, 2}), filled(kModule + ".alpha", {}, 1)};
}

class LoraFiles : public ::testing::Test {
 protected:
  std::filesystem::path save(const std::vector<TensorToWrite>& tensors,
                             const std::string& name = "a.safetensors") const {
    weights::write_safetensors(folder_.path() / name, tensors);
    return folder_.path() / name;
  }
  void refused(const std::vector<TensorToWrite>& tensors, ErrorCode code,
               const std::vector<std::string>& words) const {
    const auto file = save(tensors);
    expect_error([&] { LoraFile(file, modules()); }, code, words);
  }
  TemporaryFolder folder_;
};

TEST_F(LoraFiles, AddScaleTimesAlphaOverRankTimesTheProduct) {
  const LoraFile lora(save(good()), modules());
  std::vector<float> values(48, 10.0F);
  lora.add(Network::unet, kTensor, 0.5F, values);
  EXPECT_EQ(values, std::vector<float>(48, 10.5F));  // 0.5 * 1/2 * (1 + 1)
  EXPECT_TRUE(lora.changes(Network::unet, kTensor));
  EXPECT_FALSE(lora.changes(Network::unet, "conv_in.weight"));
  EXPECT_FALSE(lora.changes(Network::text));
  EXPECT_EQ(lora.summary(), "1 weights of unet, rank 2");
}

/// kohya's trainer writes an integer where alpha is the rank.
TEST_F(LoraFiles, TakeAnAlphaOfAnyType) {
  auto tensors = good();
  tensors[2].values = {0, 0};  // 8 bytes
  tensors[2].dims = {2};
  const auto file = save(tensors);
  std::ifstream in(file, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(in), {}};
  const std::string stored = R"("F32","shape":[2])";
  bytes.replace(bytes.find(stored), stored.size(), R"("I64","shape":[ ])");
  bytes[bytes.size() - 8] = 1;
  std::ofstream(file, std::ios::binary) << bytes;
  const LoraFile lora(file, modules());
  std::vector<float> values(48, 10.0F);
  lora.add(Network::unet, kTensor, 0.5F, values);
  EXPECT_EQ(values, std::vector<float>(48, 10.5F));  // 0.5 * 1/2 * (1 + 1)
}

TEST_F(LoraFiles, AreRefusedWithWhatIsWrong) {
  auto with = [](std::size_t i, TensorToWrite tensor) {
    auto tensors = good();
    tensors[i] = std::move(tensor);
    return tensors;
  };
  const float nan = std::numeric_limits<float>::quiet_NaN();
  refused(with(0, filled(kModule + ".lora_down.weight", {3, 8})), ErrorCode::corrupt_file,
          {"lora_up is [6, 2], expected 6 x 3"});
  refused(with(0, filled(kModule + ".lora_down.weight", {2, 9})), ErrorCode::corrupt_file,
          {"lora_down is [2, 9], expected 2 x 8"});
  refused(with(0, filled(kModule + ".lora_down.weight", {0, 8})), ErrorCode::corrupt_file,
          {"no empty dimension"});
  refused(with(2, filled(kModule + ".alpha", {}, nan)), ErrorCode::corrupt_file, {".alpha", "nan"});
  refused(with(2, filled(kModule + ".alpha", {}, 1e30F)), ErrorCode::corrupt_file, {".alpha"});
  refused(with(2, filled(kModule + ".alpha", {2}, 1)), ErrorCode::corrupt_file, {"one number"});
  refused(with(1, filled(kModule + ".lora_up.weight", {6, 2}, nan)), ErrorCode::corrupt_file,
          {"lora_up.weight", "nan"});
  refused({good()[0], good()[2]}, ErrorCode::corrupt_file, {"has no lora_up"});
  refused(with(2, filled(kModule + ".hada_w1_a", {6, 2})), ErrorCode::corrupt_file, {"hada"});
  refused(with(2, filled("unet.mid_block.attentions.0.proj_in.lora_A.weight", {2, 8})),
          ErrorCode::corrupt_file, {"say the same"});
  refused({}, ErrorCode::corrupt_file, {"no tensor"});
}

TEST_F(LoraFiles, NameEveryTensorThatNoModuleTakes) {
  auto tensors = good();
  tensors.push_back(filled("lora_unet_nowhere.lora_down.weight", {2, 8}));
  refused(tensors, ErrorCode::unsupported, {"1 of 4 tensors", "lora_unet_nowhere"});
  const std::string key = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k";
  for (const auto& [width, family] :
       {std::pair{768, "Stable Diffusion 1"}, {1024, "Stable Diffusion 2"}, {2048, "SDXL"}}) {
    auto other = tensors;
    other.push_back(filled(key + ".lora_down.weight", {2, width}));
    refused(other, ErrorCode::unsupported, {"2 of 5 tensors", "the file is for ", family});
  }
  tensors.push_back(filled("lora_te2_text_model_x.lora_down.weight", {2, 8}));
  refused(tensors, ErrorCode::unsupported, {"lora_te2_text_model_x", "SDXL"});
}

TEST_F(LoraFiles, OfAnotherMethodAreRefusedByItsNameWhateverTheTensorsType) {
  const std::string header = "{\"" + kModule +
                             ".on_input\":{\"dtype\":\"BOOL\",\"shape\":[],"
                             "\"data_offsets\":[0,1]}}";
  std::string size(8, '\0');
  size[0] = static_cast<char>(header.size());
  std::ofstream(folder_.path() / "ia3.safetensors") << size << header << '\1';
  expect_error([&] { LoraFile(folder_.path() / "ia3.safetensors", modules()); },
               ErrorCode::unsupported, {"belongs to IA3"});
}

TEST_F(LoraFiles, ThatArePicklesOrCutShortAreRefused) {
  std::ofstream(folder_.path() / "a.ckpt") << "PK\3\4 and a pickle";
  expect_error([&] { LoraFile(folder_.path() / "a.ckpt", modules()); }, ErrorCode::unsupported,
               {"a.ckpt", "pickle", ".safetensors"});
  expect_error([&] { LoraFile(folder_.path() / "none.safetensors", modules()); },
               ErrorCode::not_found, {"none.safetensors"});
  const auto whole = save(good());
  std::filesystem::resize_file(whole, std::filesystem::file_size(whole) - 1);
  expect_error([&] { LoraFile(whole, modules()); }, ErrorCode::corrupt_file, {"a.safetensors"});
}

TEST_F(LoraFiles, TakePeftsAlphaFromTheConfigBesideThem) {
  const std::string module = "base_model.model.mid_block.attentions.0.proj_in";
  const auto file =
      save({filled(module + ".lora_A.weight", {4, 8}), filled(module + ".lora_B.weight", {6, 4})});
  const auto first = [&] {
    std::vector<float> values(48, 0.0F);
    LoraFile(file, modules()).add(Network::unet, kTensor, 1, values);
    return values.front();
  };
  EXPECT_EQ(first(), 4);  // without one, alpha is the rank
  const auto config = [&](const std::string& text) { folder_.write("adapter_config.json", text); };
  config(R"({"r": 4, "lora_alpha": 2})");
  EXPECT_EQ(first(), 2);
  config(R"({"lora_alpha": 2, "use_rslora": true})");
  EXPECT_EQ(first(), 4);
  config(R"({"lora_alpha": 2, "alpha_pattern": {"proj_in": 8, "oj_in": 100}})");
  EXPECT_EQ(first(), 8);
  config(R"({"lora_alpha": 2, "use_dora": true})");
  expect_error(first, ErrorCode::unsupported, {"DoRA"});
  config(R"({"lora_alpha": 2, "alpha_pattern": {".*": 8}})");
  expect_error(first, ErrorCode::unsupported, {"pattern"});
}

TEST_F(LoraFiles, ChangeBiasesToo) {
  const LoraFile lora(save({filled(kModule + ".diff_b", {6}, 3)}), modules());
  std::vector<float> values(6, 1.0F);
  lora.add(Network::unet, "mid_block.attentions.0.proj_in.bias", 2, values);
  EXPECT_EQ(values, std::vector<float>(6, 7.0F));
  refused({filled("lora_unet_conv_in.diff_b", {6})}, ErrorCode::corrupt_file, {"has no bias"});
}

TEST_F(LoraFiles, AddUp) {
  const auto a = save(good(), "a.safetensors"), b = save(good(), "b.safetensors");
  const LoraSet loras({a.string(), b.string()}, modules());
  std::vector<float> values(48, 0.0F);
  loras.add(Network::unet, kTensor, std::vector{1.0F, -3.0F}, values);
  EXPECT_EQ(values.front(), -2);
  EXPECT_EQ(loras.effective(Network::text, std::vector{1.0F, 2.0F}), std::vector<float>());
  EXPECT_EQ(loras.effective(Network::unet, std::vector{0.0F, 0.0F}), std::vector<float>());
  EXPECT_EQ(loras.effective(Network::unet, std::vector{0.0F, 2.0F}), (std::vector{0.0F, 2.0F}));
  EXPECT_EQ(loras.variant(Network::unet, "conv_in.weight", std::vector{1.0F, 2.0F}), "");
  EXPECT_NE(loras.variant(Network::unet, kTensor, std::vector{1.0F, 2.0F}),
            loras.variant(Network::unet, kTensor, std::vector{2.0F, 1.0F}));
}

TEST_F(LoraFiles, OneFileIsNotTakenTwiceHoweverItIsNamed) {
  const auto file = save(good(), "pytorch_lora_weights.safetensors");
  std::filesystem::create_symlink(file, folder_.path() / "link.safetensors");
  std::filesystem::create_hard_link(file, folder_.path() / "hard.safetensors");
  for (const std::string& again :
       {file.string(), (folder_.path() / "." / file.filename()).string(),
        folder_ / "link.safetensors", folder_ / "hard.safetensors", folder_.path().string()}) {
    expect_error(
        [&] {
          LoraSet({file.string(), again}, modules());
        },
        ErrorCode::invalid_argument, {again, file.string(), "the same file"});
  }
}

}  // namespace
}  // namespace streamdiffusion::lora

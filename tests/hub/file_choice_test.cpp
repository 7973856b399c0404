// Which files of a repository are fetched.
#include "hub/file_choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/errors.h"

namespace streamdiffusion::hub {
namespace {

using base::ErrorCode;
using ::testing::ElementsAre;
using testing::expect_error;
using ::testing::UnorderedElementsAre;

std::vector<RemoteFile> listing(const std::vector<std::string>& paths) {
  std::vector<RemoteFile> files;
  for (const std::string& path : paths) files.push_back({.path = path});
  return files;
}

std::vector<std::string> paths(const std::vector<RemoteFile>& files) {
  std::vector<std::string> all;
  for (const RemoteFile& file : files) all.push_back(file.path);
  return all;
}

std::vector<std::string> chosen(const std::vector<std::string>& all,
                                Precision precision = Precision::half) {
  return paths(choose_files("a/b", listing(all), precision).files);
}

TEST(FileChoice, TakesOfAPipelineWhatIsNeededOnce) {
  const std::vector<std::string> turbo{".gitattributes",
                                       "LICENSE.md",
                                       "README.md",
                                       "image.jpg",
                                       "model_index.json",
                                       "sd_turbo.safetensors",
                                       "safety_checker/model.safetensors",
                                       "feature_extractor/config.json",
                                       "scheduler/scheduler_config.json",
                                       "text_encoder/config.json",
                                       "text_encoder/model.fp16.safetensors",
                                       "text_encoder/model.safetensors",
                                       "text_encoder/pytorch_model.bin",
                                       "tokenizer/merges.txt",
                                       "tokenizer/vocab.json",
                                       "tokenizer/special_tokens_map.json",
                                       "tokenizer/tokenizer_config.json",
                                       "unet/config.json",
                                       "unet/diffusion_pytorch_model.fp16.safetensors",
                                       "unet/diffusion_pytorch_model.safetensors",
                                       "unet/diffusion_pytorch_model.non_ema.safetensors",
                                       "vae/config.json",
                                       "vae/diffusion_pytorch_model.safetensors",
                                       "vae_decoder/model.onnx"};
  EXPECT_THAT(
      chosen(turbo),
      UnorderedElementsAre("model_index.json", "scheduler/scheduler_config.json",
                           "text_encoder/config.json", "text_encoder/model.fp16.safetensors",
                           "tokenizer/merges.txt", "tokenizer/vocab.json",
                           "tokenizer/special_tokens_map.json", "tokenizer/tokenizer_config.json",
                           "unet/config.json", "unet/diffusion_pytorch_model.fp16.safetensors",
                           "vae/config.json", "vae/diffusion_pytorch_model.safetensors"));
  EXPECT_THAT(chosen(turbo, Precision::full),
              ::testing::Contains("unet/diffusion_pytorch_model.safetensors"));
}

TEST(FileChoice, TakesWhatAModelSaysToThisProgramAndItsPage) {
  const std::vector<std::string> own{"streamdiffusion.json", "concepts.json", "page.json",
                                     "words.json", "int8.json"};
  std::vector<std::string> all{"model_index.json", "unet/config.json",
                               "unet/diffusion_pytorch_model.safetensors", "notes.json"};
  all.insert(all.end(), own.begin(), own.end());
  EXPECT_THAT(chosen(all), ::testing::IsSupersetOf(own));
  EXPECT_THAT(chosen(all), ::testing::Not(::testing::Contains("notes.json")));
}

TEST(FileChoice, TakesASingleComponentAndASingleFile) {
  EXPECT_THAT(chosen({"config.json", "diffusion_pytorch_model.bin",
                      "diffusion_pytorch_model.safetensors", "taesd_decoder.safetensors"}),
              ElementsAre("config.json", "diffusion_pytorch_model.safetensors"));
  EXPECT_THAT(chosen({"README.md", "pytorch_lora_weights.safetensors"}),
              ElementsAre("pytorch_lora_weights.safetensors"));
}

TEST(FileChoice, NamesWhatCannotBeChosen) {
  const auto choose = [](const std::vector<std::string>& all) {
    return [all] { choose_files("a/b", listing(all), Precision::half); };
  };
  expect_error(choose({"model_index.json", "unet/config.json", "unet/diffusion_pytorch_model.bin"}),
               ErrorCode::not_found, {"unet/diffusion_pytorch_model.bin", "pickle"});
  expect_error(choose({"model_index.json", "transformer/config.json", "text_encoder/config.json"}),
               ErrorCode::unsupported, {"without unet/", "transformer/"});
  expect_error(choose({"model_index.json", "unet/config.json"}), ErrorCode::not_found,
               {"unet/", "holds no weights"});
  expect_error(choose({"model.ckpt"}), ErrorCode::not_found, {"model.ckpt", "pickle"});
  expect_error(choose({"README.md"}), ErrorCode::not_found, {"a/b: no model"});
  expect_error(choose({"one.safetensors", "two.safetensors"}), ErrorCode::not_found,
               {"2 models", "a/b/one.safetensors", "a/b/two.safetensors"});
  expect_error([] { choose_file("a/b", listing({"x/one.safetensors"}), "two.safetensors"); },
               ErrorCode::not_found, {"two.safetensors", "x/one.safetensors"});
}

TEST(FileChoice, FindsTheShardsOfAnIndex) {
  for (const char* index : {"unet/diffusion_pytorch_model.safetensors.index.fp16.json",
                            "unet/diffusion_pytorch_model.fp16.safetensors.index.json"}) {
    const auto files = listing({"model_index.json", "unet/config.json", index,
                                "unet/a-1.safetensors", "unet/a-2.safetensors"});
    const FileChoice choice = choose_files("a/b", files, Precision::half);
    ASSERT_EQ(paths(choice.indexes), std::vector<std::string>{index});
    const auto content = json::Json::parse(
        R"({"weight_map": {"x": "a-2.safetensors", "y": "a-1.safetensors", "z": "a-1.safetensors"}})",
        index);
    EXPECT_THAT(paths(shards_of(choice.indexes[0], content, files)),
                ElementsAre("unet/a-1.safetensors", "unet/a-2.safetensors"));
    for (const char* shard : {"../x.safetensors", "/x.safetensors", "b.safetensors", "a-1.bin"}) {
      const auto lying =
          json::Json::parse(std::string(R"({"weight_map": {"x": ")") + shard + "\"}}", index);
      expect_error([&] { shards_of(choice.indexes[0], lying, files); }, ErrorCode::corrupt_file,
                   {shard});
    }
  }
}

}  // namespace
}  // namespace streamdiffusion::hub

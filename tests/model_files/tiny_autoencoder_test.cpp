// The tiny autoencoder of a model by its folder, its file and its name, with all in the cache.
#include "model_files/tiny_autoencoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "model_files/model_files.h"
#include "support/ldm_file.h"
#include "support/log.h"
#include "support/temporary_folder.h"

namespace streamdiffusion::model_files {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using testing::TemporaryFolder;

constexpr const char* kTaesd = "madebyollin/taesd";
constexpr const char* kTaesdXl = "madebyollin/taesdxl";
constexpr int kSmallVocabulary = 60;
const std::string kCommit(40, 'c');

testing::TinyConfigs family(const std::string& name) {
  return name == "xl"     ? testing::tiny_sdxl(kSmallVocabulary)
         : name == "sdxs" ? testing::tiny_sdxs(kSmallVocabulary)
                          : testing::tiny_stable_diffusion(name == "1" ? 1 : 2, kSmallVocabulary);
}

std::vector<weights::TensorToWrite> without(const std::string& beginning,
                                            std::vector<weights::TensorToWrite> tensors) {
  std::erase_if(tensors, [&](const auto& t) { return t.name.starts_with(beginning); });
  return tensors;
}

TEST(TinyAutoencoder, OfAFolderFollowsTheTextOfTheUNet) {
  const TemporaryFolder folder;
  folder.write("model_index.json", R"({"unet": ["diffusers", "UNet2DConditionModel"],
                                       "vae": ["diffusers", "AutoencoderKL"]})");
  const auto with_context = [&](const std::string& context) {
    folder.write("unet/config.json", R"({"cross_attention_dim": )" + context + "}");
    return tiny_autoencoder_for(folder.path()).id;
  };
  EXPECT_EQ(with_context("768"), kTaesd);
  EXPECT_EQ(with_context("1024"), kTaesd);
  EXPECT_EQ(with_context("2048"), kTaesdXl);
  EXPECT_EQ(with_context("4096"), "");
  EXPECT_EQ(with_context("null"), "");
  EXPECT_THAT(tiny_autoencoder_for(folder.path()).reason, HasSubstr("none is known"));
  folder.write("model_index.json", R"({"unet": ["diffusers", "UNet2DConditionModel"],
                                       "vae": ["diffusers", "AutoencoderTiny"]})");
  EXPECT_EQ(with_context("768"), "");
  EXPECT_THAT(tiny_autoencoder_for(folder.path()).reason, HasSubstr("is a tiny one"));
}

TEST(TinyAutoencoder, OfAFileFollowsItsTensors) {
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "model.safetensors";
  for (const auto& [name, expected] :
       {std::pair("1", kTaesd), {"2", kTaesd}, {"xl", kTaesdXl}, {"sdxs", ""}}) {
    const auto tensors = testing::ldm_tensors(family(name));
    weights::write_safetensors(file, tensors);
    EXPECT_EQ(tiny_autoencoder_for(file).id, expected) << name;
    EXPECT_EQ(tiny_autoencoder_for(folder.path()).id, expected) << "the only file of a folder";
    weights::write_safetensors(file, without("first_stage_model.", tensors));
    EXPECT_EQ(tiny_autoencoder_for(file).id, name == std::string("xl") ? kTaesdXl : kTaesd);
    weights::write_safetensors(file, without("model.diffusion_model.", tensors));
    EXPECT_EQ(tiny_autoencoder_for(file).id, "");
    EXPECT_THAT(tiny_autoencoder_for(file).reason, HasSubstr("no UNet"));
  }
  weights::write_safetensors(
      file, std::vector<weights::TensorToWrite>{{"lora_unet_x.lora_down.weight", {1}, {0}}});
  EXPECT_THAT(tiny_autoencoder_for(file).reason, HasSubstr("LoRA"));
}

/// With a cache in which all is there.
class WithFiles : public ::testing::Test {
 protected:
  WithFiles() {
    ::setenv("HF_HUB_CACHE", (folder_ / "hub").c_str(), 1);
    ::setenv("HF_HUB_OFFLINE", "1", 1);
    for (const char* name : {kTaesd, kTaesdXl}) {
      put(name, "config.json", R"({"_class_name": "AutoencoderTiny"})");
      put(name, "diffusion_pytorch_model.safetensors", "x");
    }
  }
  ~WithFiles() override {
    ::unsetenv("HF_HUB_CACHE");
    ::unsetenv("HF_HUB_OFFLINE");
  }
  fs::path snapshot(const std::string& name) const {
    std::string folder = "models--" + name;
    folder.replace(folder.find('/'), 1, "--");
    return folder_.path() / "hub" / folder / "snapshots" / kCommit;
  }
  void put(const std::string& name, const std::string& file, const std::string& content) const {
    const fs::path there = fs::relative(snapshot(name), folder_.path());
    folder_.write((there / file).string(), content);
    folder_.write((there.parent_path().parent_path() / "refs/main").string(), kCommit);
  }
  std::string vae(const std::string& model, const std::string& asked) const {
    return with_files({.model = model, .vae = asked}).vae;
  }
  TemporaryFolder folder_;
};

TEST_F(WithFiles, AFileGetsTheTinyAutoencoderThatFits) {
  const fs::path file = folder_.path() / "mine/model.safetensors";
  fs::create_directories(file.parent_path());
  weights::write_safetensors(file, testing::ldm_tensors(family("xl")));
  EXPECT_EQ(vae(file, "tiny"), snapshot(kTaesdXl));
  EXPECT_EQ(vae(file, "own"), "");
  EXPECT_EQ(vae(file, ""), "");
  put("org/one", "one.safetensors", "");
  weights::write_safetensors(snapshot("org/one") / "one.safetensors",
                             testing::ldm_tensors(family("1")));
  EXPECT_EQ(vae("org/one", ""), snapshot(kTaesd));
  EXPECT_EQ(vae("org/one/one.safetensors", ""), snapshot(kTaesd));
  EXPECT_EQ(vae("org/one", "own"), "");
}

TEST_F(WithFiles, WhereNoTinyAutoencoderFitsItIsSaid) {
  const fs::path file = folder_.path() / "model.safetensors";
  weights::write_safetensors(file, testing::ldm_tensors(family("sdxs")));
  const testing::Log log;
  EXPECT_EQ(vae(file, "tiny"), "");
  EXPECT_TRUE(log.has("vae tiny: the model's own autoencoder is a tiny one")) << log.text();
  EXPECT_EQ(with_files({.vae = "tiny", .random_weights = "sd15"}).vae, "");
  EXPECT_TRUE(log.has("vae tiny: random weights have none")) << log.text();
}

}  // namespace
}  // namespace streamdiffusion::model_files

// The recipes of published checkpoints: what is in the program's table, and how a name finds one.
#include "weights/recipes.h"

#include <gtest/gtest.h>

#include <map>

#include "support/errors.h"

namespace streamdiffusion::weights {
namespace {

using base::ErrorCode;
using testing::expect_error;

std::string name_found(const FoundRecipe& found) {
  return found.name;
}
std::string name_found(const Recipe* recipe) {
  return recipe == nullptr ? "" : recipe->names.front();
}

TEST(Recipes, AreFoundByRepositoryFileAndLastName) {
  EXPECT_EQ(name_found(find_recipe("stabilityai/sd-turbo")), "stabilityai/sd-turbo");
  EXPECT_EQ(name_found(find_recipe("StabilityAI/SD-Turbo")), "stabilityai/sd-turbo");
  EXPECT_EQ(name_found(find_recipe("tiny-sd")), "segmind/tiny-sd");
  EXPECT_EQ(name_found(find_recipe("sdxl_lightning_2step_lora")),
            "ByteDance/SDXL-Lightning/sdxl_lightning_2step_lora.safetensors");
  const std::string lora = "ByteDance/Hyper-SD/Hyper-SD15-4steps-lora.safetensors";
  EXPECT_EQ(name_found(find_recipe(lora)), lora);
  EXPECT_EQ(name_found(find_recipe("Hyper-SD15-4steps-lora")), lora);
  EXPECT_FALSE(find_recipe("somebody/sd-turbo")) << "another repository of the same name";
  EXPECT_FALSE(find_recipe("turbo"));
  EXPECT_FALSE(find_recipe(""));
}

TEST(Recipes, AreFoundByTheFolderOfTheHubsCache) {
  const auto found = [](const char* path) { return name_found(find_recipe_of_folder(path)); };
  const std::string turbo = "stabilityai/sd-turbo";
  EXPECT_EQ(found("/cache/hub/models--stabilityai--sd-turbo/snapshots/b261bac6fd2c"), turbo);
  EXPECT_EQ(found("/cache/hub/models--stabilityai--sd-turbo/snapshots/b261bac6fd2c/"), turbo);
  EXPECT_EQ(found("/cache/hub/models--somebody--sd-turbo/snapshots/b261bac6fd2c"), "");
  EXPECT_EQ(found("/models/stabilityai/sd-turbo"), turbo);
  EXPECT_EQ(found("/models/sd-turbo"), turbo);
  EXPECT_EQ(found("/models/sd-turbo-2"), "");
  EXPECT_EQ(found("/"), "");
  EXPECT_EQ(
      found("/hub/models--ByteDance--Hyper-SD/snapshots/ab/Hyper-SD15-1step-lora.safetensors"),
      "ByteDance/Hyper-SD/Hyper-SD15-1step-lora.safetensors");
}

TEST(Recipes, OfAFileAreThoseOfItsFolderAsInTheHubsCache) {
  const auto found = [](const char* path) { return name_found(find_recipe_of_folder(path)); };
  const std::string lcm = "latent-consistency/lcm-lora-sdv1-5";
  EXPECT_EQ(found("/models/latent-consistency/lcm-lora-sdv1-5/pytorch_lora_weights.safetensors"),
            lcm);
  EXPECT_EQ(found("/loras/lcm-lora-sdv1-5/pytorch_lora_weights.safetensors"), lcm);
  EXPECT_EQ(found("/hub/models--latent-consistency--lcm-lora-sdv1-5/snapshots/ab/x.safetensors"),
            lcm);
  EXPECT_EQ(found("/models/SDXL-Lightning/sdxl_lightning_2step_lora.safetensors"),
            "ByteDance/SDXL-Lightning/sdxl_lightning_2step_lora.safetensors")
      << "a file's own name comes first";
  EXPECT_EQ(found("/models/lcm-lora-sdv1-5/other/x.safetensors"), "");
  EXPECT_EQ(found("/models/lcm-lora-sdv1-5/readme.txt"), "");
}

TEST(Recipes, HaveEachLastNameForOneRecipe) {
  std::map<std::string, const Recipe*> owners;
  for (const Recipe& recipe : recipes()) {
    for (const std::string& name : recipe.names) {
      const std::string last = name.substr(name.rfind('/') + 1);
      EXPECT_TRUE(owners.emplace(last, &recipe).second) << last;
    }
  }
  EXPECT_GE(owners.size(), 60U);
}

TEST(Recipes, SayWhatTheirCheckpointsWereDistilledFor) {
  const auto options = [](const char* name) { return find_recipe(name)->defaults.options; };
  const SessionOptions lightning = options("ByteDance/SDXL-Lightning");
  EXPECT_EQ(lightning.scheduler, Scheduler::euler);
  EXPECT_EQ(lightning.timestep_spacing, TimestepSpacing::trailing);
  EXPECT_EQ(lightning.num_inference_steps, 4);
  EXPECT_EQ(options("sdxl_lightning_1step_unet_x0").prediction_type, PredictionType::sample);
  const SessionOptions dmd2 = options("tianweiy/DMD2");
  EXPECT_EQ(dmd2.scheduler, Scheduler::lcm);
  EXPECT_EQ(dmd2.timesteps, (std::vector<int>{999, 749, 499, 249}));
  EXPECT_EQ(options("Hyper-SDXL-1step-Unet").timesteps, std::vector<int>{800});
  EXPECT_EQ(options("h1t/TCD-SD15-LoRA").eta, 0.3F);
  EXPECT_EQ(options("Hyper-SD15-1step-lora").eta, 1.0F);
  EXPECT_EQ(options("IDKiro/sdxs-512-dreamshaper").timesteps, std::vector<int>{999});
}

TEST(Recipes, AreFoundByContentAndHashOnlyFilesOfTheSize) {
  constexpr std::uint64_t kBytes = 134'621'556;
  int hashed = 0;
  const auto found = [&](std::uint64_t bytes, const char* hash) {
    return name_found(find_recipe_of_content(bytes, [&] {
      ++hashed;
      return std::string(hash);
    }));
  };
  const char* hash = "8f90d840e075ff588a58e22c6586e2ae9a6f7922996ee6649a7f01072333afe4";
  EXPECT_EQ(found(kBytes, hash), "latent-consistency/lcm-lora-sdv1-5");
  EXPECT_EQ(hashed, 1);
  EXPECT_EQ(found(kBytes + 1, hash), "");
  EXPECT_EQ(hashed, 1);
  EXPECT_EQ(found(kBytes, "0"), "");
}

TEST(Recipes, AreDescribedInOneLineAsASessionHasThem) {
  const FoundRecipe turbo = find_recipe("stabilityai/sd-turbo");
  EXPECT_EQ(describe(*turbo.recipe, turbo->defaults.options),
            "t_index_list 2,3, num_inference_steps 4, scheduler euler, timestep_spacing trailing, "
            "cfg_type none, width 512, height 512, no negative prompt");
  SessionOptions used = turbo->defaults.options;
  used.t_index_list = {0};
  used.cfg_type = {};
  used.delta = 0.5F;  // of which the recipe says nothing
  EXPECT_EQ(describe(*turbo.recipe, used),
            "t_index_list 0, num_inference_steps 4, scheduler euler, timestep_spacing trailing, "
            "width 512, height 512, no negative prompt");
}

TEST(Recipes, OfABadFileAreRefused) {
  const auto refused = [](const char* text, const char* message) {
    expect_error([&] { parse_recipes(json::Json::parse(text, "recipes.json")); },
                 ErrorCode::corrupt_file, {"recipes.json", message});
  };
  refused(R"({"recipes": [{"names": [], "settings": {}}]})", "a list of names");
  refused(R"({"recipes": [{"names": ["a"]}]})", "settings");
  refused(R"({"recipes": [{"names": ["a"], "settings": {"scheduler": "dpm"}}]})", "euler");
  refused(R"({"recipes": [{"names": ["a", "A"], "settings": {}}]})", "a second time");
  refused(R"({"recipes": [{"names": ["a"], "settings": {}, "steps": 4}]})", "\"steps\"");
  refused(R"({"recipes": {}})", "a list of recipes");
}

}  // namespace
}  // namespace streamdiffusion::weights

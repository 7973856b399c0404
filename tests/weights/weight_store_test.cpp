// Weights by name over one or several files.
#include "weights/weight_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>

#include "support/errors.h"
#include "support/temporary_folder.h"
#include "weights/tensor_names.h"

namespace streamdiffusion::weights {
namespace {

using base::ErrorCode;
using testing::expect_error;
using testing::TemporaryFolder;

TensorToWrite filled(const std::string& name, std::vector<std::int64_t> dims, float value) {
  std::int64_t elements = 1;
  for (const auto d : dims) elements *= d;
  return {name, std::move(dims), std::vector<float>(static_cast<std::size_t>(elements), value)};
}

void save(const TemporaryFolder& folder, const std::string& file,
          const std::vector<TensorToWrite>& tensors) {
  write_safetensors(folder.path() / file, tensors);
}

float first_of(const WeightSource& store, const std::string& name,
               const std::vector<std::int64_t>& dims) {
  std::int64_t elements = 1;
  for (const auto d : dims) elements *= d;
  std::vector<float> out(static_cast<std::size_t>(elements));
  store.read_f32(name, dims, out);
  return out.at(0);
}

TEST(WeightStore, PrefersFullPrecisionAndFallsBackToVariants) {
  const TemporaryFolder folder;
  save(folder, "diffusion_pytorch_model.fp16.safetensors", {filled("a", {1}, 16)});
  EXPECT_EQ(first_of(WeightStore(folder.path()), "a", {1}), 16);
  save(folder, "diffusion_pytorch_model.safetensors", {filled("a", {1}, 32)});
  EXPECT_EQ(first_of(WeightStore(folder.path()), "a", {1}), 32);
}

TEST(WeightStore, OpensTransformersNamesAndLoneFiles) {
  const TemporaryFolder folder;
  save(folder, "model.safetensors", {filled("a", {2, 2}, 3)});
  const WeightStore store(folder.path());
  EXPECT_EQ(first_of(store, "a", {2, 2}), 3);
  EXPECT_EQ(first_of(WeightStore(folder.path() / "model.safetensors"), "a", {2, 2}), 3);
}

TEST(WeightStore, RefusesNumbersThatAreNotFinite) {
  const TemporaryFolder folder;
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
    TensorToWrite tensor = filled("mid.weight", {2, 3}, 1);
    tensor.values[4] = bad;
    save(folder, "model.safetensors", {tensor});
    expect_error(
        [&] {
          first_of(WeightStore(folder.path()), "mid.weight", {2, 3});
        },
        ErrorCode::corrupt_file,
        {"model.safetensors", "mid.weight", std::isnan(bad) ? "nan" : "-inf", "element 4",
         "finite"});
  }
}

TEST(WeightStore, ReadsShardsThroughTheIndex) {
  const TemporaryFolder folder;
  save(folder, "m-1.safetensors", {filled("a", {1}, 1), filled("b", {1}, 2)});
  save(folder, "m-2.safetensors", {filled("c", {1}, 3)});
  folder.write("diffusion_pytorch_model.safetensors.index.json",
               R"({"metadata": {"total_size": 12}, "weight_map":
                  {"a": "m-1.safetensors", "b": "m-1.safetensors", "c": "m-2.safetensors"}})");
  const WeightStore store(folder.path());
  EXPECT_EQ(first_of(store, "a", {1}), 1);
  EXPECT_EQ(first_of(store, "b", {1}), 2);
  EXPECT_EQ(first_of(store, "c", {1}), 3);
  EXPECT_THAT(store.file_of(*store.find("c")), ::testing::HasSubstr("m-2.safetensors"));
}

TEST(WeightStore, RefusesAFileThatWasCutShortOrWrittenOverSinceItWasOpened) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "model.safetensors";
  for (const auto dtype : {tensor::DType::f32, tensor::DType::bf16}) {
    TensorToWrite tensor = filled("a", {1000, 1000}, 1);
    tensor.dtype = dtype;
    write_safetensors(path, std::vector{tensor});
    const WeightStore cut(folder.path());
    std::filesystem::resize_file(path, std::filesystem::file_size(path) / 3);
    expect_error(
        [&] {
          first_of(cut, "a", {1000, 1000});
        },
        ErrorCode::io, {"model.safetensors", "bytes", "had", "expected it to stay"});

    write_safetensors(path, std::vector{tensor});
    const WeightStore overwritten(folder.path());
    EXPECT_EQ(first_of(overwritten, "a", {1000, 1000}), 1);
    const auto later = std::filesystem::last_write_time(path) + std::chrono::seconds(1);
    std::fstream(path, std::ios::in | std::ios::out | std::ios::binary).seekp(500) << "new weights";
    std::filesystem::last_write_time(path, later);  // however coarse the file system's clock is
    expect_error(
        [&] {
          first_of(overwritten, "a", {1000, 1000});
        },
        ErrorCode::io, {"model.safetensors", "written over"});
  }
}

TEST(WeightStore, AFileThatIsReplacedByRenameIsReadAsItWas) {
  const TemporaryFolder folder;
  save(folder, "model.safetensors", {filled("a", {10}, 1)});
  const WeightStore store(folder.path());
  save(folder, "new", {filled("a", {20}, 2)});
  std::filesystem::rename(folder.path() / "new", folder.path() / "model.safetensors");
  EXPECT_EQ(first_of(store, "a", {10}), 1);
  EXPECT_EQ(first_of(WeightStore(folder.path()), "a", {20}), 2);
}

struct BadIndex {
  const char* name;
  const char* json;
  const char* message;
  ErrorCode code = ErrorCode::corrupt_file;
};

class BadShardIndex : public ::testing::TestWithParam<BadIndex> {};

TEST_P(BadShardIndex, EndsInAClearError) {
  const TemporaryFolder folder;
  save(folder, "m-1.safetensors", {filled("a", {1}, 1), filled("b", {1}, 2)});
  save(folder, "m-2.safetensors", {filled("b", {1}, 3)});
  folder.write("model.safetensors.index.json", GetParam().json);
  expect_error([&] { WeightStore{folder.path()}; }, GetParam().code, {GetParam().message});
}

INSTANTIATE_TEST_SUITE_P(
    Indices, BadShardIndex,
    ::testing::Values(
        BadIndex{"no_map", R"({"metadata": {}})", "index.json: key \"weight_map\" is missing"},
        BadIndex{"map_is_a_list", R"({"weight_map": ["a"]})",
                 "\"weight_map\" is an array of 1 item"},
        BadIndex{"path_upwards", R"({"weight_map": {"a": "../m-1.safetensors"}})",
                 "a plain file name"},
        BadIndex{"absolute_path", R"({"weight_map": {"a": "/etc/passwd"}})", "a plain file name"},
        BadIndex{"not_a_shard", R"({"weight_map": {"a": "model.bin"}})", "ends in .safetensors"},
        BadIndex{"nul_in_the_name", R"({"weight_map": {"a": "x\u0000.safetensors"}})",
                 "a plain file name"},
        BadIndex{"number", R"({"weight_map": {"a": 1}})", "\"a\" is 1, expected a string"},
        BadIndex{"no_such_shard", R"({"weight_map": {"a": "m-9.safetensors"}})", "m-9.safetensors",
                 ErrorCode::not_found},
        BadIndex{
            "tensor_not_in_shard",
            R"({"weight_map": {"a": "m-1.safetensors", "b": "m-1.safetensors", "z": "m-1.safetensors"}})",
            "tensor \"z\" is not in \"m-1.safetensors\""},
        BadIndex{"tensor_not_listed", R"({"weight_map": {"a": "m-1.safetensors"}})",
                 "does not list tensor \"b\""},
        BadIndex{"tensor_in_two_shards",
                 R"({"weight_map": {"a": "m-1.safetensors", "b": "m-2.safetensors"}})",
                 "\"b\" is in m-1.safetensors too"}),
    [](const auto& param) { return param.param.name; });

TEST(WeightStore, NamesAFileOfItsNameThatIsNone) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "model.safetensors";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  expect_error([&] { WeightStore{folder.path()}; }, ErrorCode::io,
               {"model.safetensors: not a regular file"});
  std::filesystem::remove(path);
  std::filesystem::create_symlink("../blobs/123", path);
  expect_error([&] { WeightStore{folder.path()}; }, ErrorCode::not_found,
               {"model.safetensors: a link to ../blobs/123"});
}

TEST(WeightStore, SaysSoWhenOnlyPickledWeightsAreThere) {
  const TemporaryFolder folder;
  folder.write("diffusion_pytorch_model.bin", "x");
  expect_error([&] { WeightStore{folder.path()}; }, ErrorCode::not_found,
               {"diffusion_pytorch_model.bin", "pickle", "*.safetensors"});
}

TEST(WeightStore, SaysWhatIsExpectedInAnEmptyFolder) {
  const TemporaryFolder folder;
  expect_error([&] { WeightStore{folder.path()}; }, ErrorCode::not_found,
               {folder.path().string(), "diffusion_pytorch_model.safetensors"});
  expect_error([&] { WeightStore{folder.path() / "unet"}; }, ErrorCode::not_found,
               {"unet: no such folder"});
}

TEST(WeightStore, KnowsBothSpellingsOfATextModel) {
  const TemporaryFolder folder;
  save(folder, "model.safetensors",
       {filled("text_model.a.weight", {1}, 1), filled("b.weight", {1}, 2)});
  const WeightStore store(folder.path());
  EXPECT_EQ(first_of(store, "a.weight", {1}), 1);
  EXPECT_EQ(first_of(store, "text_model.a.weight", {1}), 1);
  EXPECT_EQ(first_of(store, "text_model.b.weight", {1}), 2);
}

TEST(WeightStore, KnowsTheOlderAttentionOfTheAutoencoder) {
  const TemporaryFolder folder;
  const std::string at = "encoder.mid_block.attentions.0.";
  save(folder, "diffusion_pytorch_model.safetensors",
       {filled(at + "query.weight", {2, 2, 1, 1}, 1), filled(at + "key.weight", {2, 2}, 2),
        filled(at + "value.bias", {2}, 3), filled(at + "proj_attn.weight", {2, 2}, 4)});
  const WeightStore store(folder.path());
  EXPECT_EQ(first_of(store, at + "to_q.weight", {2, 2}), 1);
  EXPECT_EQ(first_of(store, at + "to_k.weight", {2, 2, 1, 1}), 2);
  EXPECT_EQ(first_of(store, at + "to_v.bias", {2}), 3);
  EXPECT_EQ(first_of(store, at + "to_out.0.weight", {2, 2}), 4);
}

TEST(WeightStore, ReadingErrorsNameFileTensorFoundAndExpected) {
  const TemporaryFolder folder;
  save(folder, "model.safetensors", {filled("a", {2, 3}, 1)});
  const WeightStore store(folder.path());
  expect_error(
      [&] {
        first_of(store, "a", {3, 2});
      },
      ErrorCode::corrupt_file, {"model.safetensors", "\"a\" is [2, 3], expected [3, 2]"});
  expect_error([&] { first_of(store, "z", {1}); }, ErrorCode::not_found,
               {"model.safetensors", "\"z\" is missing"});
}

class CheckTensors : public ::testing::Test {
 protected:
  CheckTensors() {
    save(folder_, "model.safetensors",
         {filled("a", {2, 3}, 1), filled("b", {4}, 1), filled("text_model.c", {1}, 1),
          filled("text_model.embeddings.position_ids", {1, 7}, 0), filled("encoder.x", {1}, 1)});
    store_ = std::make_unique<WeightStore>(folder_.path());
  }
  TemporaryFolder folder_;
  std::unique_ptr<WeightStore> store_;
};

TEST_F(CheckTensors, PassesWhenAllIsConsumedOnceButKnownLeftovers) {
  const std::vector<std::string_view> ignored{"encoder.*"};
  const std::vector<TensorSpec> specs{{"a", {2, 3}}, {"b", {4}}, {"c", {1}}};
  EXPECT_NO_THROW(store_->check(specs, ignored));
}

TEST_F(CheckTensors, ListsEverythingInOneMessage) {
  const std::vector<TensorSpec> specs{
      {"a", {3, 2}}, {"missing.weight", {5, 6}}, {"text_model.c", {1}}};
  expect_error([&] { store_->check(specs); }, ErrorCode::corrupt_file,
               {"model.safetensors", "1 missing:", "\"missing.weight\", expected [5, 6]",
                "1 of another shape or type:", "\"a\" is [2, 3], expected [3, 2]",
                "2 unexpected:", "\"b\" [4]", "\"encoder.x\""});
}

TEST_F(CheckTensors, ATensorUsedTwiceUnderTwoSpellingsIsADefect) {
  const std::vector<TensorSpec> specs{{"c", {1}}, {"text_model.c", {1}}};
  expect_error([&] { store_->check(specs); }, ErrorCode::internal, {"\"text_model.c\"", "twice"});
}

TEST_F(CheckTensors, AThousandProblemsStayReadable) {
  std::vector<TensorSpec> specs;
  for (int i = 0; i < 1000; ++i) specs.push_back({"t" + std::to_string(i), {1}});
  expect_error([&] { store_->check(specs); }, ErrorCode::corrupt_file,
               {"1000 missing:", "... and 800 more"});
}

TEST(TensorNames, PatternsMatchAtTheEndsOnly) {
  EXPECT_TRUE(matches("a.position_ids", "*position_ids"));
  EXPECT_TRUE(matches("vision_model.x", "vision_model.*"));
  EXPECT_TRUE(matches("a.b.c", "*.b.*"));
  EXPECT_FALSE(matches("a.b", "a"));
  EXPECT_FALSE(matches("position_ids.x", "*position_ids"));
}

}  // namespace
}  // namespace streamdiffusion::weights

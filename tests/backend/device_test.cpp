// What holds of every device of this build, beyond the numbers of single ops.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "backend/op_cases.h"
#include "base/error.h"
#include "graph/memory_plan.h"
#include "support/case_run.h"
#include "support/numbers.h"

namespace streamdiffusion::backend::test {
namespace {

using graph::Lifetime;
using tensor::DType;

std::vector<graph::Graph> one_group(const OpCase& op) {
  graph::Builder b(DType::f32);
  op.build(b, {0, op.rows});
  std::vector<graph::Graph> row_groups;
  row_groups.push_back(b.finish());
  return row_groups;
}

TEST(MakeDevice, NamesTheDevicesThatAreBuiltIn) {
  try {
    make_device("tpu");
    FAIL() << "did not throw";
  } catch (const base::Error& error) {
    EXPECT_EQ(error.code(), base::ErrorCode::invalid_argument);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("\"tpu\""));
    for (const std::string& name : device_names())
      EXPECT_THAT(error.what(), ::testing::HasSubstr(name));
  }
}

class DeviceTest : public ::testing::TestWithParam<std::string> {
 protected:
  std::unique_ptr<Device> device_ = make_device(GetParam(), {.threads = 2});
  const OpCase& unet_ = op_case("block_unet");
};

INSTANTIATE_TEST_SUITE_P(Devices, DeviceTest, ::testing::ValuesIn(device_names()),
                         [](const auto& test) { return test.param; });

TEST_P(DeviceTest, SaysWhatItIs) {
  EXPECT_EQ(device_->name(), GetParam());
  EXPECT_GE(device_->threads(), 1);
  EXPECT_FALSE(device_->description().empty());
  EXPECT_TRUE(device_->supports(device_->preferred_dtype()));
}

TEST_P(DeviceTest, ReportsEveryOpThatRuns) {
  const auto row_groups = one_group(unet_);
  const graph::MemoryPlan plan = graph::plan_memory(row_groups[0]);
  std::size_t ops = 0;
  double flops = 0;
  for (const auto& program : plan.programs) {
    ops += program.size();
    for (const int i : program)
      flops += row_groups[0].flops(row_groups[0].ops[static_cast<std::size_t>(i)]);
  }
  CaseRun run(*device_, unet_, {});
  double reported = 0;
  const std::vector<OpReport> report = run.executable().report();
  for (const OpReport& op : report) {
    reported += op.flops;
    EXPECT_FALSE(op.implementation.empty()) << op.name;
  }
  EXPECT_EQ(report.size(), ops);
  EXPECT_DOUBLE_EQ(reported, flops);
}

TEST_P(DeviceTest, TakesTimesOnlyWhenAsked) {
  const auto profiling = make_device(GetParam(), {.threads = 2, .profile = true});
  for (Device* device : {device_.get(), profiling.get()}) {
    CaseRun run(*device, unet_, {});
    run.run();
    double seconds = 0;
    for (const OpReport& op : run.executable().report()) seconds += op.seconds;
    EXPECT_EQ(seconds > 0, device == profiling.get());
  }
}

TEST_P(DeviceTest, ExecutablesOfOneScopeShareWeights) {
  const Weights weights = case_weights("unet", tensor::DType::f32);
  const auto first = device_->compile(one_group(unet_), weights);
  const std::size_t bytes = device_->weight_bytes();
  EXPECT_GT(bytes, 0U);
  const auto second = device_->compile(one_group(unet_), weights);
  EXPECT_EQ(device_->weight_bytes(), bytes);
  const auto third =
      device_->compile(one_group(unet_), case_weights("another", tensor::DType::f32));
  EXPECT_EQ(device_->weight_bytes(), 2 * bytes);
}

/// Files are mostly of f16, and a vocabulary is read by its rows alone.
TEST_P(DeviceTest, AVocabularyOfF16StaysSoAndGivesTheSameBits) {
  constexpr std::size_t kVocabulary = 1000 * 30, kPositions = 77 * 30;
  const OpCase& op = op_case("embedding_7_tokens_odd_width");
  const auto reference = make_device("ref");
  for (const DType type : {DType::f16, DType::f32}) {
    CaseRun run(*device_, op, {.rounded_to = type});
    if (GetParam() == "cpu") {
      EXPECT_EQ(device_->weight_bytes(), kVocabulary * size_of(type) + kPositions * sizeof(float));
    }
    run.run();
    EXPECT_EQ(run.outputs().at("y").bytes,
              run_case(*reference, op, {.rounded_to = type}).at("y").bytes);
  }
}

TEST_P(DeviceTest, WeightsAreFreedWithTheLastExecutable) {
  device_->compile(one_group(unet_), case_weights("unet", tensor::DType::f32));
  EXPECT_EQ(device_->weight_bytes(), 0U);
}

TEST_P(DeviceTest, RowGroupsShareWeights) {
  const CaseRun one(*device_, unet_, {.row_groups = 1});
  const std::size_t bytes = device_->weight_bytes();
  const CaseRun two(*device_, unet_, {.row_groups = 2});
  EXPECT_EQ(device_->weight_bytes(), bytes);
}

TEST_P(DeviceTest, HoistedValuesLastUntilTheirProgramRunsAgain) {
  CaseRun run(*device_, unet_, {});
  run.run();
  const CaseOutputs before = run.outputs();
  const tensor::View t = run.state().input("t");
  for (std::int64_t i = 0; i < t.desc.shape.elements(); ++i) set(t, i, 500 + i);
  run.executable().run(Lifetime::per_frame, run.state());
  EXPECT_EQ(run.outputs().at("noise").values, before.at("noise").values);
  run.executable().run(Lifetime::per_schedule, run.state());
  run.executable().run(Lifetime::per_frame, run.state());
  EXPECT_NE(run.outputs().at("noise").values, before.at("noise").values);
}

/// Wants to pause after every op.
class PauseOften : public Pause {
 public:
  explicit PauseOften(int ends_at = 0) : Pause(0), ends_at_(ends_at) {}
  bool wanted() const override { return true; }
  void pause() override { base::require(++count != ends_at_, base::ErrorCode::busy, "enough"); }
  int count = 0;

 private:
  const int ends_at_;
};

TEST_P(DeviceTest, PausesInTheMiddleOfARunAndGoesOnWhereItWas) {
  if (!device_->can_pause()) GTEST_SKIP() << "a program runs in one piece on this device";
  for (const int row_groups : {1, 2, 3}) {
    CaseRun run(*device_, unet_, {.row_groups = row_groups});
    run.run();
    const std::vector<float> expected = run.outputs().at("noise").values;
    const tensor::View noise = run.state().output("noise");
    for (std::int64_t i = 0; i < noise.desc.shape.elements(); ++i) set(noise, i, 0);
    PauseOften pause;
    run.executable().run(Lifetime::per_frame, run.state(), &pause);
    EXPECT_EQ(run.outputs().at("noise").values, expected) << row_groups << " row groups";
    EXPECT_GT(pause.count, 3);
  }
}

TEST_P(DeviceTest, WhatAPauseThrowsEndsTheRunAndTheNextOneIsWhole) {
  if (!device_->can_pause()) GTEST_SKIP() << "a program runs in one piece on this device";
  CaseRun run(*device_, unet_, {.row_groups = 2});
  run.run();
  const std::vector<float> expected = run.outputs().at("noise").values;
  PauseOften ends(2);
  EXPECT_THROW(run.executable().run(Lifetime::per_frame, run.state(), &ends), base::Error);
  EXPECT_EQ(ends.count, 2);
  run.executable().run(Lifetime::per_frame, run.state());
  EXPECT_EQ(run.outputs().at("noise").values, expected);
}

TEST_P(DeviceTest, AsksForNoPauseIfItCannotPause) {
  if (device_->can_pause()) GTEST_SKIP() << "this device pauses";
  CaseRun run(*device_, unet_, {});
  run.run();
  PauseOften pause;
  run.executable().run(Lifetime::per_frame, run.state(), &pause);
  EXPECT_EQ(pause.count, 0);
}

TEST_P(DeviceTest, RefusesATokenIdOutsideTheVocabulary) {
  CaseRun run(*device_, op_case("embedding_77_tokens"), {});
  const tensor::View ids = run.state().input("ids");
  run.run();
  const std::vector<float> expected = run.outputs().at("y").values;
  const float good = get(ids, 1);
  for (const int bad : {-1, 1 << 20}) {
    set(ids, 1, bad);
    try {
      run.run();
      FAIL() << "did not throw for " << bad;
    } catch (const base::Error& error) {
      EXPECT_EQ(error.code(), base::ErrorCode::invalid_argument);
      EXPECT_THAT(error.what(), ::testing::HasSubstr("token 1 has id " + std::to_string(bad)));
    }
  }
  set(ids, 1, good);
  run.run();
  EXPECT_EQ(run.outputs().at("y").values, expected);
}

TEST_P(DeviceTest, RefusesAStateOfAnotherExecutable) {
  CaseRun run(*device_, unet_, {}), other(*device_, unet_, {});
  try {
    run.executable().run(Lifetime::per_frame, other.state());
    FAIL() << "did not throw";
  } catch (const base::Error& error) {
    EXPECT_EQ(error.code(), base::ErrorCode::internal);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("another executable"));
  }
}

TEST_P(DeviceTest, StreamsOfOneExecutableDoNotTouchEachOther) {
  CaseRun alone(*device_, unet_, {});
  alone.run();
  const std::vector<float> expected = alone.outputs().at("noise").values;
  const auto other = alone.executable().make_state();
  for (int program = 0; program < graph::kLifetimes; ++program) {
    alone.executable().run(static_cast<Lifetime>(program), *other);  // zeros everywhere
  }
  alone.spoil_outputs();
  alone.executable().run(Lifetime::per_frame, alone.state());
  EXPECT_EQ(alone.outputs().at("noise").values, expected);
}

TEST_P(DeviceTest, ConcurrentCallersTakeTurns) {
  CaseRun run(*device_, unet_, {});
  run.run();
  const std::vector<float> expected = run.outputs().at("noise").values;
  const auto other = run.executable().make_state();
  const auto loop = [&](State& state) {
    for (int i = 0; i < 3; ++i) run.executable().run(Lifetime::per_frame, state);
  };
  std::thread a([&] { loop(run.state()); }), b([&] { loop(*other); });
  a.join();
  b.join();
  EXPECT_EQ(run.outputs().at("noise").values, expected);
}

TEST_P(DeviceTest, SaysHowMuchMemoryItTakes) {
  CaseRun one(*device_, unet_, {.row_groups = 1});
  const std::size_t bytes = graph::plan_memory(one_group(unet_)[0]).arena_bytes;
  EXPECT_GE(one.executable().arena_bytes(), bytes);
  EXPECT_GT(one.executable().state_bytes(), 0U);
  EXPECT_EQ(one.executable().row_groups(), 1U);
}

/// In f32 an op of the reference does not see how many rows there are, so row groups cannot change
/// a bit.
class RowGroups : public ::testing::TestWithParam<std::string> {};

TEST_P(RowGroups, GiveTheSameBitsAsOneGroup) {
  const auto device = make_device("ref");
  const OpCase& op = op_case(GetParam());
  for (const DType dtype : {DType::f32, DType::bf16}) {
    const CaseOutputs expected = run_case(*device, op, {.dtype = dtype});
    for (int row_groups = 2; row_groups <= op.rows; ++row_groups) {
      const CaseOutputs found = run_case(*device, op, {.dtype = dtype, .row_groups = row_groups});
      for (const auto& [name, output] : expected) {
        EXPECT_TRUE(found.at(name).bytes == output.bytes)
            << name << " in " << row_groups << " row groups";
      }
    }
  }
}

std::vector<std::string> cases_of_several_rows() {
  std::vector<std::string> names;
  for (const OpCase& op : op_cases()) {
    if (op.rows > 1) names.push_back(op.name);
  }
  return names;
}

INSTANTIATE_TEST_SUITE_P(Table, RowGroups, ::testing::ValuesIn(cases_of_several_rows()),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace streamdiffusion::backend::test

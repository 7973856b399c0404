// The op table on every device of this build, in f32 and bf16, and on a card in f16 too, on one and
// two threads, in one and two row groups.
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>

#include "backend/allocation_counter.h"
#include "backend/op_cases.h"
#include "backend/op_expect.h"
#include "base/error.h"
#include "support/case_run.h"

namespace streamdiffusion::backend::test {
namespace {

using tensor::DType;

struct OpParameters {
  std::string device;
  DType dtype;
  const OpCase* op;
  bool int8 = false;
};

std::string op_label(const OpParameters& p) {
  return p.device + "_" + tensor::to_string(p.dtype) + (p.int8 ? "_int8_" : "_") + p.op->name;
}

void PrintTo(const OpParameters& p, std::ostream* out) {
  *out << op_label(p);
}

/// Devices are kept, so that threads start once.
Device& op_device(const std::string& name, int threads) {
  static std::map<std::pair<std::string, int>, std::unique_ptr<Device>> devices;
  std::unique_ptr<Device>& entry = devices[{name, threads}];
  const char* cache = std::getenv("SD_TEST_CACHE");
  if (!entry)
    entry = make_device(name, {.threads = threads, .cache_folder = cache == nullptr ? "" : cache});
  return *entry;
}

bool refused(Device& device, const OpCase& op, const CaseOptions& options) {
  try {
    const CaseRun run(device, op, options);
  } catch (const base::Error& error) {
    if (!op.optional || error.code() != base::ErrorCode::unsupported) throw;
    return true;
  }
  return false;
}

std::vector<int> group_counts(const OpCase& op) {
  return op.rows > 1 ? std::vector{1, 2} : std::vector{1};
}

/// The reference computes on one thread, whatever it is given.
std::vector<int> thread_counts(const std::string& device) {
  return device == "ref" ? std::vector{1} : std::vector{1, 2};
}

class OpTest : public ::testing::TestWithParam<OpParameters> {
 protected:
  void SetUp() override {
    if (!op_device(GetParam().device, 2).supports(GetParam().dtype))
      GTEST_SKIP() << "no products in this type on this processor";
    if (GetParam().int8 && !op_device(GetParam().device, 2).supports_int8())
      GTEST_SKIP() << "no products in 8 bits on this processor";
    if (op().optional && refused(op_device(GetParam().device, 2), op(), options(1)))
      GTEST_SKIP() << "refused";
  }
  const OpCase& op() const { return *GetParam().op; }
  CaseOptions options(int row_groups) const {
    return {.dtype = GetParam().dtype,
            .rounded_to = GetParam().dtype,
            .row_groups = row_groups,
            .int8 = GetParam().int8};
  }
};

/// Every device but the reference itself, which RefGolden holds against PyTorch.
class OpAgainstReference : public OpTest {};

TEST_P(OpAgainstReference, EqualsTheReference) {
  CaseOptions plain = options(1);
  plain.dtype = DType::f32;
  const CaseOutputs expected = run_case(op_device("ref", 1), op(), plain);
  for (const int threads : thread_counts(GetParam().device)) {
    for (const int row_groups : group_counts(op())) {
      SCOPED_TRACE(::testing::Message() << threads << " threads, " << row_groups << " row groups");
      expect_close(op(), GetParam().dtype,
                   run_case(op_device(GetParam().device, threads), op(), options(row_groups)),
                   expected);
    }
  }
}

TEST_P(OpTest, TwoRunsGiveTheSameBits) {
  CaseRun run(op_device(GetParam().device, 2), op(), options(1));
  run.run();
  const CaseOutputs first = run.outputs();
  run.spoil_outputs();
  run.run();
  for (const auto& [name, output] : run.outputs())
    EXPECT_TRUE(output.bytes == first.at(name).bytes) << name;
}

TEST_P(OpTest, RunAllocatesNothing) {
  const int warm_up = GetParam().device == "cuda" ? 3 : 1;  // a card records in its second run
  for (const int row_groups : group_counts(op())) {
    CaseRun run(op_device(GetParam().device, 2), op(), options(row_groups));
    for (int i = 0; i < warm_up; ++i) run.run();
    const AllocationCounter counter;
    run.run();
    EXPECT_EQ(counter.count(), 0) << row_groups << " row groups";
  }
}

/// The reference deals its rows out to row groups as the other devices do.
TEST(Reference, ComputesTheSameInTwoRowGroups) {
  for (const OpCase& op : op_cases()) {
    if (op.rows == 1) continue;
    SCOPED_TRACE(op.name);
    const CaseOutputs whole = run_case(op_device("ref", 1), op, {.row_groups = 1});
    for (const auto& [name, output] : run_case(op_device("ref", 1), op, {.row_groups = 2}))
      EXPECT_TRUE(output.bytes == whole.at(name).bytes) << name;
  }
}

/// Of which a device may have the arithmetic; only cards multiply f16.
std::vector<DType> types_of(const std::string& device) {
  if (device == "cuda") return {DType::f32, DType::bf16, DType::f16};
  return {DType::f32, DType::bf16};
}

std::vector<OpParameters> op_parameters() {
  std::vector<OpParameters> all;
  for (const std::string& device : device_names()) {
    for (const DType dtype : types_of(device)) {
      for (const OpCase& op : op_cases()) all.push_back({device, dtype, &op});
      if (device == "cuda") continue;  // it has no int8
      // one product each: of two, the second would round what the first leaves between two bytes
      for (const auto& cases : {conv_cases(), linear_cases()}) {
        for (const OpCase& op : cases) all.push_back({device, dtype, &op_case(op.name), true});
      }
    }
  }
  return all;
}

std::vector<OpParameters> parameters_but_the_reference() {
  std::vector<OpParameters> some = op_parameters();
  std::erase_if(some, [](const OpParameters& p) {
    return p.device == "ref" && p.dtype == DType::f32 && !p.int8;
  });
  return some;
}

INSTANTIATE_TEST_SUITE_P(Table, OpTest, ::testing::ValuesIn(op_parameters()),
                         [](const auto& test) { return op_label(test.param); });
INSTANTIATE_TEST_SUITE_P(Table, OpAgainstReference,
                         ::testing::ValuesIn(parameters_but_the_reference()),
                         [](const auto& test) { return op_label(test.param); });

TEST(AllocationCounter, CountsNewAndMallocOnceEach) {
  const AllocationCounter counter;
  delete new std::string(100, 'x');
  EXPECT_EQ(counter.count(), 2);
  void* volatile memory = std::malloc(16);
  std::free(memory);
  EXPECT_EQ(counter.count(), 3);
}

}  // namespace
}  // namespace streamdiffusion::backend::test

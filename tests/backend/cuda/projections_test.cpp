// Projections of one input as one call: which they are, that a library may lack the call, and that
// their weights are packed once.
#include "backend/cuda/projections.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backend/cuda/host/cuda_runtime.h"
#include "backend/cuda/host_device.h"
#include "backend/op_cases.h"
#include "graph/builder.h"
#include "support/case_run.h"

namespace streamdiffusion::backend::cuda::test {
namespace {

using graph::Builder;
using graph::Lifetime;
using graph::LinearOptions;
using graph::Name;
using graph::Value;
using tensor::DType;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// Two linear layers, the second with `other`, and attention that reads both.
std::vector<Projections> found(const LinearOptions& other, bool same_input = true,
                               Lifetime lifetime = Lifetime::per_frame, bool is_output = false) {
  Builder b(DType::bf16);
  const Value x = b.input("x", {{1, 4, 1, 16}, DType::bf16}, lifetime),
              y = b.input("y", {{1, 4, 1, 16}, DType::bf16}, lifetime),
              q = b.input("q", {{1, 4, 1, 16}, DType::bf16}, Lifetime::per_frame);
  const Value k = b.linear(x, Name("k"), {.out = 16}),
              v = b.linear(same_input ? x : y, Name("v"), other);
  b.output("z", b.shape(v).c == 16 ? b.attention(q, k, v, Name(), {.heads = 2})
                                   : b.concat_channels(k, v));
  if (is_output) b.output("k", k);
  return find_projections(b.finish());
}

TEST(Projections, AreLinearLayersOfOneInputAndShape) {
  const auto projections = found({.out = 16});
  ASSERT_EQ(projections.size(), 1U);
  EXPECT_THAT(projections[0].ops, ElementsAre(0U, 1U));
  EXPECT_THAT(found({.out = 16}, false), IsEmpty());
  EXPECT_THAT(found({.out = 8}), IsEmpty());
  EXPECT_THAT(found({.out = 16, .bias = false}), IsEmpty());
  EXPECT_THAT(found({.out = 16, .act = graph::Activation::relu}), IsEmpty());
  EXPECT_THAT(found({.out = 16, .extra_bias = "e"}), IsEmpty());
}

TEST(Projections, OfAPromptOrOfAnOutputStayInTheStreamsState) {
  EXPECT_THAT(found({.out = 16}, true, Lifetime::per_prompt), IsEmpty());
  EXPECT_THAT(found({.out = 16}, true, Lifetime::per_frame, true), IsEmpty());
}

class ProjectionsOfAUNet : public ::testing::Test {
 protected:
  ProjectionsOfAUNet() { cuda_on_host::set_order(cuda_on_host::Order::forward); }
  std::unique_ptr<backend::test::CaseRun> compile(Device& device) {
    return std::make_unique<backend::test::CaseRun>(
        device, backend::test::op_case("block_unet"),
        backend::test::CaseOptions{.dtype = DType::f16});
  }
  /// What computes the op whose name ends so.
  static std::string implementation(backend::test::CaseRun& run, const std::string& name) {
    for (const OpReport& op : run.executable().report())
      if (op.name.ends_with(name)) return op.implementation;
    return "";
  }
  HostRuntime::Record record_;
};

TEST_F(ProjectionsOfAUNet, RunAsOneCall) {
  const auto device = make_host_device(record_);
  const auto run = compile(*device);
  EXPECT_THAT(implementation(*run, "attn1.to_q"), EndsWith("3 products at once"));
  for (const char* name : {"attn1.to_k", "attn1.to_v"}) {
    EXPECT_THAT(implementation(*run, name), EndsWith("attn1.to_q"));
    EXPECT_THAT(implementation(*run, name), HasSubstr("with "));
  }
  // a prompt's are in the state of the stream
  EXPECT_EQ(implementation(*run, "attn2.to_k"), "host");
  EXPECT_EQ(implementation(*run, "attn2.to_q"), "host");
}

TEST_F(ProjectionsOfAUNet, RunOneByOneIfTheLibraryHasNoSuchCall) {
  const auto device = make_host_device(record_);
  const auto together = compile(*device);
  HostRuntime::Record without;
  without.several_products = false;
  const auto other_device = make_host_device(without);
  const auto apart = compile(*other_device);
  for (const char* name : {"attn1.to_q", "attn1.to_k", "attn1.to_v"})
    EXPECT_EQ(implementation(*apart, name), "host");
  EXPECT_EQ(other_device->weight_bytes(), device->weight_bytes());
  together->run();
  apart->run();
  const auto expected = apart->outputs();
  for (const auto& [name, output] : together->outputs())
    EXPECT_TRUE(output.bytes == expected.at(name).bytes) << name;
}

TEST_F(ProjectionsOfAUNet, PackTheirWeightsOnce) {
  const auto device = make_host_device(record_);
  const auto first = compile(*device);
  const int uploads = record_.uploads;
  const std::size_t bytes = device->weight_bytes();
  const auto second = compile(*device);
  EXPECT_EQ(device->weight_bytes(), bytes);
  EXPECT_LT(record_.uploads - uploads, uploads / 4) << "tables of rows, and no weights";
}

}  // namespace
}  // namespace streamdiffusion::backend::cuda::test

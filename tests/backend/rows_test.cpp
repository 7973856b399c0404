// A row of a call has the same bits whatever the number of rows, their groups, and its place: what
// Device::rows_are_independent() promises. For the op table, and for layers as large as those of
// the models that come with the engine, where libraries choose other forms than for small ones.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>

#include "backend/op_cases.h"
#include "base/error.h"
#include "support/case_run.h"

namespace streamdiffusion::backend::test {
namespace {

using graph::Builder;
using graph::Name;
using graph::Value;
using tensor::DType;

struct Call {
  int rows, row_groups;
};

/// By threads: calls whose rows are compared with a row alone.
const std::map<int, std::vector<Call>> kRowCalls{
    {1, {{2, 1}, {8, 1}}}, {2, {{3, 1}, {8, 1}, {3, 2}, {8, 2}}}, {3, {{2, 1}, {4, 1}, {4, 2}}}};

OpCase conv(std::int64_t height, std::int64_t width, std::int64_t in, graph::ConvOptions options) {
  const std::string name = "conv2d_" + std::to_string(height) + "x" + std::to_string(width) + "_k" +
                           std::to_string(options.kernel) + "_s" + std::to_string(options.stride) +
                           (options.upsample2x ? "_up" : "") + "_c" + std::to_string(in) + "_o" +
                           std::to_string(options.out);
  return {.name = name, .build = [=](Builder& b, Rows rows) {
            const Value x = input(b, "x", {rows.count, height, width, in});
            b.output("y", b.conv2d(x, Name("conv"), options));
          }};
}

OpCase conv(std::int64_t side, std::int64_t in, const graph::ConvOptions& options) {
  return conv(side, side, in, options);
}

OpCase linear(std::int64_t tokens, std::int64_t in, std::int64_t out, bool residual = false) {
  const std::string name = "linear_" + std::to_string(tokens) + "_c" + std::to_string(in) + "_o" +
                           std::to_string(out) + (residual ? "_residual" : "");
  return {.name = name, .build = [=](Builder& b, Rows rows) {
            graph::LinearOptions options{.out = out};
            const Value x = input(b, "x", {rows.count, tokens, 1, in});
            if (residual)
              options.residual = make_residual(b, Residual::dies, {rows.count, tokens, 1, out});
            b.output("y", b.linear(x, Name("linear"), options));
          }};
}

OpCase geglu(std::int64_t tokens, std::int64_t in, std::int64_t out) {
  return {.name = "geglu_" + std::to_string(tokens) + "_c" + std::to_string(in),
          .build = [=](Builder& b, Rows rows) {
            const Value x = input(b, "x", {rows.count, tokens, 1, in});
            b.output("y", b.geglu_linear(x, Name("proj"), out));
          }};
}

OpCase attention(std::int64_t queries, std::int64_t keys, int heads, std::int64_t channels) {
  return {.name = "attention_" + std::to_string(queries) + "_" + std::to_string(keys) + "_h" +
                  std::to_string(heads),
          .build = [=](Builder& b, Rows rows) {
            const Value q = input(b, "q", {rows.count, queries, 1, channels});
            const Value k = input(b, "k", {rows.count, keys, 1, channels});
            const Value v = input(b, "v", {rows.count, keys, 1, channels});
            b.output("y", b.attention(q, k, v, Name("attention"), {.heads = heads, .kv_rows = {}}));
          }};
}

/// All rows look at the first row's keys.
OpCase cross_attention(std::int64_t queries, std::int64_t keys, int heads, std::int64_t channels) {
  return {.name = "cross_attention_" + std::to_string(queries) + "_h" + std::to_string(heads),
          .build =
              [=](Builder& b, Rows rows) {
                const Value q = input(b, "q", {rows.count, queries, 1, channels});
                const Value k = input(b, "k", {1, keys, 1, channels});
                const Value v = input(b, "v", {1, keys, 1, channels});
                const std::vector<int> kv_rows(static_cast<std::size_t>(rows.count), 0);
                b.output("y", b.attention(q, k, v, Name("attention"),
                                          {.heads = heads, .kv_rows = kv_rows}));
              },
          .shared_inputs = {"k", "v"}};
}

OpCase norm(std::int64_t side, std::int64_t channels) {
  return {.name = "norms_" + std::to_string(side) + "_c" + std::to_string(channels),
          .build = [=](Builder& b, Rows rows) {
            const Value x = input(b, "x", {rows.count, side, side, channels});
            const Value y = b.group_norm(x, Name("group"), {.groups = 32, .silu = true});
            b.output("y", b.layer_norm(y, Name("layer"), {.eps = 1e-5F}));
          }};
}

/// Layers of the included model's UNet at 256 and 512 pixels, of SD-Turbo's at 256, and small ones.
std::vector<OpCase> model_cases() {
  return {
      conv(32, 16, {.out = 96}),
      conv(32, 96, {.out = 96}),
      conv(32, 192, {.out = 96}),
      conv(16, 96, {.out = 96}),
      conv(16, 256, {.out = 96}),
      conv(16, 96, {.out = 160, .stride = 2}),
      conv(16, 160, {.out = 160, .upsample2x = true}),
      conv(8, 160, {.out = 160}),
      conv(8, 320, {.out = 160}),
      conv(4, 160, {.out = 160}),
      conv(32, 96, {.out = 16}),
      conv(32, 320, {.out = 320}),
      conv(16, 640, {.out = 640}),
      linear(1, 384, 384),
      linear(1, 384, 96),
      linear(16, 160, 160),
      linear(64, 160, 160, true),
      linear(64, 640, 160, true),
      linear(77, 192, 160),
      linear(256, 96, 96),
      linear(256, 256, 96),
      linear(256, 384, 96, true),
      linear(1024, 96, 96),
      linear(1024, 320, 320),
      linear(1024, 1280, 320, true),
      linear(256, 640, 640),
      geglu(16, 160, 640),
      geglu(64, 160, 640),
      geglu(256, 96, 384),
      geglu(1024, 320, 1280),
      attention(16, 16, 5, 160),
      attention(64, 64, 5, 160),
      attention(64, 77, 5, 160),
      attention(256, 256, 3, 96),
      attention(256, 77, 3, 96),
      attention(1024, 1024, 5, 320),
      cross_attention(256, 77, 3, 96),
      cross_attention(12, 16, 2, 16),
      cross_attention(4, 16, 2, 32),
      attention(12, 12, 2, 16),
      attention(4, 4, 2, 32),
      linear(12, 16, 16, true),
      linear(12, 64, 16, true),
      linear(4, 32, 32),
      linear(1, 64, 32),
      linear(1, 16, 64),
      linear(16, 24, 16),
      linear(16, 24, 32),
      geglu(12, 16, 64),
      geglu(4, 32, 128),
      conv(4, 4, {.out = 16}),
      conv(4, 16, {.out = 16}),
      conv(4, 16, {.out = 16, .stride = 2}),
      conv(2, 32, {.out = 32}),
      conv(2, 64, {.out = 32}),
      conv(4, 48, {.out = 16}),
      conv(2, 32, {.out = 32, .upsample2x = true}),
      conv(4, 16, {.out = 4}),
      // of which a library rounds few lines otherwise than many
      conv(5, 7, 320, {.out = 64}),
      conv(17, 5, 512, {.out = 20}),
      conv(9, 2, 640, {.out = 256, .stride = 2}),
      conv(6, 18, 960, {.out = 48}),
      conv(16, 7, 960, {.out = 48}),
      conv(18, 14, 960, {.out = 192}),
      conv(15, 17, 1280, {.out = 96, .upsample2x = true}),
      norm(4, 160),
      norm(16, 96),
      norm(32, 320),
  };
}

/// Those of the table whose rows have no rows of others to look at.
std::vector<OpCase> cases() {
  std::vector<OpCase> all = model_cases();
  for (const OpCase& op : op_cases()) {
    if (op.shared_inputs.empty()) all.push_back(op);
  }
  return all;
}

struct RowsParameters {
  std::string device;
  DType dtype;
  OpCase op;
  bool int8 = false;
};

std::string rows_label(const RowsParameters& p) {
  return p.device + "_" + tensor::to_string(p.dtype) + (p.int8 ? "_int8_" : "_") + p.op.name;
}

void PrintTo(const RowsParameters& p, std::ostream* out) {
  *out << rows_label(p);
}

/// Devices are kept, so that threads start once.
Device& rows_device(const std::string& name, int threads) {
  static std::map<std::pair<std::string, int>, std::unique_ptr<Device>> devices;
  std::unique_ptr<Device>& entry = devices[{name, threads}];
  if (!entry) entry = make_device(name, {.threads = threads});
  return *entry;
}

class RowsTest : public ::testing::TestWithParam<RowsParameters> {
 protected:
  void SetUp() override {
    Device& two = rows_device(GetParam().device, 2);
    if (!two.rows_are_independent()) GTEST_SKIP() << "promises nothing";
    if (!two.supports(GetParam().dtype)) GTEST_SKIP() << "no products in this type";
    if (GetParam().int8 && !two.supports_int8()) GTEST_SKIP() << "no products in 8 bits";
  }

  /// Nothing if the device refuses the op, as it may.
  std::optional<CaseOutputs> alone(int threads) const {
    try {
      return outputs(1, threads);
    } catch (const base::Error& error) {
      if (!GetParam().op.optional || error.code() != base::ErrorCode::unsupported) throw;
      return std::nullopt;
    }
  }

  CaseOutputs outputs(int rows, int threads, int row_groups = 1) const {
    OpCase op = GetParam().op;
    op.rows = rows;
    CaseRun run(rows_device(GetParam().device, threads), op,
                {.dtype = GetParam().dtype,
                 .rounded_to = GetParam().dtype,
                 .row_groups = row_groups,
                 .int8 = GetParam().int8});
    run.repeat_first_row();
    run.spoil_outputs();
    run.run();
    return run.outputs();
  }
};

/// The first row that differs from a row alone; -1 if all have its bits.
int first_other(const CaseOutput& found, const CaseOutput& alone, int rows) {
  const std::size_t bytes = alone.bytes.size();
  for (int row = 0; row < rows; ++row) {
    if (std::memcmp(found.bytes.data() + static_cast<std::size_t>(row) * bytes, alone.bytes.data(),
                    bytes) != 0)
      return row;
  }
  return -1;
}

TEST_P(RowsTest, HaveTheBitsOfARowAlone) {
  for (const auto& [threads, calls] : kRowCalls) {
    const auto one_row = alone(threads);
    if (!one_row) GTEST_SKIP() << "refused";
    for (const auto& [rows, row_groups] : calls) {
      SCOPED_TRACE(::testing::Message()
                   << threads << " threads, " << rows << " rows in " << row_groups << " groups");
      for (const auto& [name, found] : outputs(rows, threads, row_groups)) {
        const CaseOutput& one = one_row->at(name);
        ASSERT_EQ(found.bytes.size(), static_cast<std::size_t>(rows) * one.bytes.size()) << name;
        ASSERT_EQ(first_other(found, one, rows), -1) << name;
      }
    }
  }
}

std::vector<RowsParameters> rows_parameters() {
  std::vector<RowsParameters> all;
  for (const std::string& device : device_names()) {
    if (device != "cpu") continue;  // ref computes row by row, cuda promises nothing
    for (const DType dtype : {DType::f32, DType::bf16}) {
      for (const OpCase& op : cases()) {
        all.push_back({device, dtype, op});
        if (op.name.starts_with("conv2d_") || op.name.starts_with("linear_") ||
            op.name.starts_with("geglu_"))
          all.push_back({device, dtype, op, true});
      }
    }
  }
  return all;
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(RowsTest);
INSTANTIATE_TEST_SUITE_P(Table, RowsTest, ::testing::ValuesIn(rows_parameters()),
                         [](const auto& test) { return rows_label(test.param); });

}  // namespace
}  // namespace streamdiffusion::backend::test

// Ops that keep something from call to call, on every device: attention to keys of earlier calls,
// and features drawn to those. The expectations are ops that keep nothing, given all of it at once.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <functional>
#include <map>
#include <tuple>

#include "backend/kept_frames_devices.h"
#include "support/case_run.h"
#include "support/numbers.h"

namespace streamdiffusion::backend::test {
namespace {

using graph::Builder;
using graph::Lifetime;
using graph::Value;
using tensor::DType;

/// The rows' slots in a call: where each keeps, and what it looks back at.
using Entries = std::vector<std::vector<int>>;

/// By call. Rows fill their slots at different times; one is overwritten while others stay.
const std::vector<Entries> kCalls{
    {{0, -1, -1}, {2, -1, -1}, {1, -1, -1}}, {{1, 0, -1}, {2, -1, -1}, {0, 1, -1}},
    {{2, 1, 0}, {0, 2, -1}, {2, 0, 1}},      {{0, 2, 1}, {1, 0, 2}, {2, 0, 1}},
    {{0, 2, 1}, {2, 0, 1}, {1, 2, 0}},
};
constexpr int kRows = 3, kSlots = 3, kEntries = 3;

struct Case {
  std::string device;
  DType dtype = DType::f32;
  std::int64_t h = 4, w = 5;
  int heads = 2;
  std::int64_t size = 8;
};

std::string label(const Case& c) {
  return c.device + "_" + tensor::to_string(c.dtype) + "_" + std::to_string(c.h * c.w) + "_h" +
         std::to_string(c.heads) + "_d" + std::to_string(c.size);
}

void PrintTo(const Case& c, std::ostream* out) {
  *out << label(c);
}

std::vector<Case> all_cases() {
  std::vector<Case> all;
  for (const std::string& device : kept_frames_devices()) {
    for (const DType dtype : {DType::f32, DType::bf16}) {
      all.push_back({device, dtype, 4, 5, 2, 8});
      all.push_back({device, dtype, 1, 1, 1, 16});
      all.push_back({device, dtype, 5, 7, 1, 40});
      if (device == "cuda_on_host") continue;  // which is slow
      all.push_back({device, dtype, 16, 16, 2, 40});
      all.push_back({device, dtype, 9, 19, 1, 160});  // several blocks and tiles, with rests
    }
  }
  return all;
}

/// Frame `call` of an input; each row has values of its own.
const std::vector<float>& values_of(const std::string& input, int call, DType dtype) {
  constexpr std::int64_t kMax = std::int64_t{3} * 9 * 19 * 160;
  static std::map<std::tuple<std::string, int, DType>, std::vector<float>> all;
  std::vector<float>& values = all[{input, call, dtype}];
  for (std::int64_t i = static_cast<std::int64_t>(values.size()); i < kMax; ++i)
    values.push_back(
        rounded(static_cast<float>(2 * uniform(input + std::to_string(call), i)), dtype));
  return values;
}

float value_of(const std::string& input, int call, std::int64_t i, DType dtype) {
  return values_of(input, call, dtype)[static_cast<std::size_t>(i)];
}

void fill(const tensor::View& view, const std::string& input, int call, DType dtype) {
  const std::vector<float>& values = values_of(input, call, dtype);
  for (std::int64_t i = 0; i < view.desc.shape.elements(); ++i)
    set(view, i, values[static_cast<std::size_t>(i)]);
}

void set_slots(const tensor::View& view, const Entries& entries) {
  auto* out = view.as<std::int32_t>();
  for (const auto& row : entries) out = std::copy(row.begin(), row.end(), out);
}

/// Compiled over two row groups where `groups` is 2.
struct Program {
  Program(Device& device, DType dtype, int groups,
          const std::function<void(Builder&, std::int64_t rows)>& build) {
    std::vector<graph::Graph> graphs;
    for (int g = 0; g < groups; ++g) {
      Builder b(dtype);
      build(b, kRows * (g + 1) / groups - kRows * g / groups);
      graphs.push_back(b.finish());
    }
    executable = device.compile(std::move(graphs), case_weights("kept", dtype));
    state = executable->make_state();
  }
  void run() const { executable->run(Lifetime::per_frame, *state); }

  std::unique_ptr<Executable> executable;
  std::unique_ptr<State> state;
};

Value kept_input(Builder& b, const char* name, const tensor::Shape& shape) {
  return b.input(name, {shape, b.activations()}, Lifetime::per_frame);
}

Value slots_input(Builder& b, std::int64_t rows) {
  return b.input("slots", {{rows, 1, 1, kEntries}, DType::i32}, Lifetime::per_frame);
}

class KeptFrames : public ::testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    device_ = kept_frames_device(c_.device);
    if (!device_->supports(c_.dtype)) GTEST_SKIP() << "no products in this type here";
  }
  std::int64_t channels() const { return c_.heads * c_.size; }
  std::int64_t tokens() const { return c_.h * c_.w; }

  void build_attention(Builder& b, std::int64_t rows) const {
    const tensor::Shape shape{rows, c_.h, c_.w, channels()};
    const Value q = kept_input(b, "q", shape), k = kept_input(b, "k", shape),
                v = kept_input(b, "v", shape);
    b.output("y", b.attention(q, k, v, slots_input(b, rows), graph::Name("attention"),
                              {.heads = c_.heads, .kv_rows = {}, .slots = kSlots}));
  }
  /// All rows' values of the calls so far, by row and slot: the call that filled it.
  using Filled = std::array<std::array<int, kSlots>, kRows>;

  /// What a row should give: attention to all tokens of those calls at once.
  std::vector<double> expected(int call, std::int64_t row, const std::vector<int>& calls) const {
    const std::int64_t c = channels(), first = row * tokens() * c;
    const float* q = values_of("q", call, c_.dtype).data() + first;
    std::vector<const float*> k, v;
    for (const int from : calls) {
      k.push_back(values_of("k", from, c_.dtype).data() + first);
      v.push_back(values_of("v", from, c_.dtype).data() + first);
    }
    std::vector<double> out;
    for (std::int64_t t = 0; t < tokens(); ++t) {
      for (int head = 0; head < c_.heads; ++head) {
        std::vector<double> scores;
        for (const float* keys : k) {
          for (std::int64_t j = 0; j < tokens(); ++j) {
            double dot = 0;
            for (std::int64_t i = head * c_.size; i < (head + 1) * c_.size; ++i)
              dot += double{q[t * c + i]} * keys[j * c + i];
            scores.push_back(dot / std::sqrt(static_cast<double>(c_.size)));
          }
        }
        const double largest = *std::max_element(scores.begin(), scores.end());
        double sum = 0;
        for (double& score : scores) sum += score = std::exp(score - largest);
        for (std::int64_t i = head * c_.size; i < (head + 1) * c_.size; ++i) {
          double y = 0;
          for (std::size_t s = 0; s < scores.size(); ++s) {
            const auto j = static_cast<std::int64_t>(s) % tokens();
            y += scores[s] / sum * v[s / static_cast<std::size_t>(tokens())][j * c + i];
          }
          out.push_back(y);
        }
      }
    }
    return out;
  }

  /// The calls whose keys a row sees, its own first. Updates what is filled.
  static std::vector<int> seen(Filled& filled, int call, std::size_t row,
                               const std::vector<int>& entries) {
    filled[row][static_cast<std::size_t>(entries[0])] = call;
    std::vector<int> calls;
    for (const int slot : entries) {
      if (slot >= 0) calls.push_back(filled[row][static_cast<std::size_t>(slot)]);
    }
    return calls;
  }

  const Case& c_ = GetParam();
  std::unique_ptr<Device> device_;
};

TEST_P(KeptFrames, AttentionSeesTheSlotsThatEachRowNames) {
  const bool large = tokens() > 100;  // the plain loop is slow
  for (const int groups : {1, 2}) {
    Program program(*device_, c_.dtype, groups,
                    [&](Builder& b, std::int64_t rows) { build_attention(b, rows); });
    Filled filled{};
    for (int call = 0; call < static_cast<int>(kCalls.size()); ++call) {
      for (const char* name : {"q", "k", "v"})
        fill(program.state->input(name), name, call, c_.dtype);
      set_slots(program.state->input("slots"), kCalls[static_cast<std::size_t>(call)]);
      program.run();
      for (std::size_t row = 0; row < kRows; ++row) {
        const std::vector<int> calls =
            seen(filled, call, row, kCalls[static_cast<std::size_t>(call)][row]);
        if (large && (call < 2 || row != 2)) continue;
        const std::vector<double> y = expected(call, static_cast<std::int64_t>(row), calls);
        const tensor::View found =
            program.state->output("y").rows(static_cast<std::int64_t>(row), 1);
        const double allowed = c_.dtype == DType::f32 ? 2e-5 : 3e-2;
        for (std::size_t i = 0; i < y.size(); ++i)
          ASSERT_NEAR(get(found, static_cast<std::int64_t>(i)), y[i], allowed)
              << "call " << call << ", row " << row << ", number " << i;
      }
    }
  }
}

/// With nothing to look back at, bits are those of attention that keeps nothing.
TEST_P(KeptFrames, WithoutEarlierFramesBitsAreThoseOfPlainAttention) {
  if (c_.device.starts_with("cuda")) GTEST_SKIP() << "plain attention may be the library's";
  Program kept(*device_, c_.dtype, 1,
               [&](Builder& b, std::int64_t rows) { build_attention(b, rows); });
  Program plain(*device_, c_.dtype, 1, [&](Builder& b, std::int64_t rows) {
    const tensor::Shape shape{rows, c_.h, c_.w, channels()};
    const Value q = kept_input(b, "q", shape), k = kept_input(b, "k", shape),
                v = kept_input(b, "v", shape);
    b.output("y", b.attention(q, k, v, graph::Name("attention"), {.heads = c_.heads}));
  });
  for (int call = 0; call < 3; ++call) {
    for (const Program* program : {&kept, &plain}) {
      for (const char* name : {"q", "k", "v"})
        fill(program->state->input(name), name, call, c_.dtype);
    }
    set_slots(kept.state->input("slots"), {{call, -1, -1}, {2 - call, -1, 7}, {1, -1, -3}});
    kept.run();
    plain.run();
    const tensor::View a = kept.state->output("y"), b = plain.state->output("y");
    EXPECT_EQ(std::memcmp(a.data, b.data, a.desc.bytes()), 0) << "call " << call;
  }
}

/// A frame that sees itself twice sees what it sees once.
TEST_P(KeptFrames, EqualFramesChangeNothing) {
  Program program(*device_, c_.dtype, 1,
                  [&](Builder& b, std::int64_t rows) { build_attention(b, rows); });
  for (const char* name : {"q", "k", "v"}) fill(program.state->input(name), name, 1, c_.dtype);
  std::vector<float> first;
  for (const Entries& entries :
       {Entries{{0, -1, -1}, {0, -1, -1}, {0, -1, -1}}, Entries{{1, 0, -1}, {1, 0, -1}, {1, 0, -1}},
        Entries{{2, 1, 0}, {2, 1, 0}, {2, 1, 0}}}) {
    set_slots(program.state->input("slots"), entries);
    program.run();
    const tensor::View y = program.state->output("y");
    for (std::int64_t i = 0; i < y.desc.shape.elements(); ++i) {
      if (entries[0][1] < 0) {
        first.push_back(get(y, i));
      } else {
        ASSERT_NEAR(get(y, i), first[static_cast<std::size_t>(i)],
                    c_.dtype == DType::f32 ? 1e-5 : 2e-2);
      }
    }
  }
}

TEST_P(KeptFrames, StreamsShareNothing) {
  Program a(*device_, c_.dtype, 1,
            [&](Builder& b, std::int64_t rows) { build_attention(b, rows); });
  const std::unique_ptr<State> other = a.executable->make_state();
  const auto run = [&](State& state, int call, const Entries& entries) {
    for (const char* name : {"q", "k", "v"}) fill(state.input(name), name, call, c_.dtype);
    set_slots(state.input("slots"), entries);
    a.executable->run(Lifetime::per_frame, state);
    const tensor::View y = state.output("y");
    return std::vector<std::byte>(y.as<std::byte>(), y.as<std::byte>() + y.desc.bytes());
  };
  const Entries first{{0, -1, -1}, {0, -1, -1}, {0, -1, -1}},
      second{{1, 0, -1}, {1, 0, -1}, {1, 0, -1}};
  run(*a.state, 1, first);
  const auto alone = run(*a.state, 2, second);
  run(*a.state, 1, first);
  run(*other, 3, first);
  run(*other, 4, second);
  EXPECT_EQ(run(*a.state, 2, second), alone);
  EXPECT_GT(a.executable->state_bytes(),
            static_cast<std::size_t>(2 * kSlots * kRows * tokens() * channels()) *
                tensor::size_of(c_.dtype));
}

class InjectedFeatures : public KeptFrames {
 protected:
  Program compile(int groups) {
    return Program(*device_, c_.dtype, groups, [&](Builder& b, std::int64_t rows) {
      const tensor::Shape shape{rows, c_.h, c_.w, channels()};
      const Value x = kept_input(b, "x", shape), residual = kept_input(b, "residual", shape);
      const Value settings =
          b.input("settings", {{rows, 1, 1, 2}, DType::f32}, Lifetime::per_frame);
      b.output("y", b.inject_features(x, residual, slots_input(b, rows), settings,
                                      graph::Name("inject"), {.slots = kSlots}));
    });
  }
  float feature(int call, std::int64_t i) const { return value_of("x", call, i, c_.dtype); }

  /// The most similar token among those calls, and how similar it is; -2 where there is none.
  struct Nearest {
    double similarity = -2, second = -2;
    int call = 0;
    std::int64_t token = 0;
  };
  Nearest nearest(int call, std::int64_t row, std::int64_t token,
                  const std::vector<int>& calls) const {
    const std::int64_t c = channels(), first = row * tokens() * c;
    const float* x = values_of("x", call, c_.dtype).data() + first + token * c;
    Nearest best;
    for (std::size_t s = 1; s < calls.size(); ++s) {
      const float* row_values = values_of("x", calls[s], c_.dtype).data() + first;
      for (std::int64_t j = 0; j < tokens(); ++j) {
        const float* y = row_values + j * c;
        double dot = 0, a = 0, b = 0;
        for (std::int64_t i = 0; i < c; ++i) {
          dot += double{x[i]} * y[i];
          a += double{x[i]} * x[i];
          b += double{y[i]} * y[i];
        }
        const double similarity = dot / std::sqrt(a * b);
        if (similarity > best.similarity) {
          best = {similarity, best.similarity, calls[s], j};
        } else {
          best.second = std::max(best.second, similarity);
        }
      }
    }
    return best;
  }
};

TEST_P(InjectedFeatures, AreDrawnToTheNearestOnesFromTheThresholdOn) {
  const bool large = tokens() > 100;
  constexpr float kStrength[]{0.75F, 0.4F, 1}, kThreshold[]{-1, 0.3F, 0.15F};
  int drawn = 0, left = 0;
  for (const int groups : {1, 2}) {
    Program program = compile(groups);
    Filled filled{};
    for (int call = 0; call < static_cast<int>(kCalls.size()); ++call) {
      const Entries& entries = kCalls[static_cast<std::size_t>(call)];
      fill(program.state->input("x"), "x", call, c_.dtype);
      fill(program.state->input("residual"), "residual", call, c_.dtype);
      set_slots(program.state->input("slots"), entries);
      for (std::size_t row = 0; row < kRows; ++row) {
        program.state->input("settings").as<float>()[2 * row] = kStrength[row];
        program.state->input("settings").as<float>()[2 * row + 1] = kThreshold[row];
      }
      program.run();
      for (std::size_t row = 0; row < kRows; ++row) {
        const std::vector<int> calls = seen(filled, call, row, entries[row]);
        const auto r = static_cast<std::int64_t>(row);
        const std::int64_t c = channels(), first = r * tokens() * c;
        const tensor::View y = program.state->output("y").rows(r, 1);
        for (std::int64_t t = 0; t < tokens(); t += large ? 37 : 1) {
          const Nearest found = nearest(call, r, t, calls);
          // Where rounding decides, either answer is right.
          if (calls.size() > 1 && (found.similarity - found.second < 1e-3 ||
                                   std::abs(found.similarity - kThreshold[row]) < 1e-3)) {
            continue;
          }
          const bool draws = calls.size() > 1 && found.similarity >= kThreshold[row];
          ++(draws ? drawn : left);
          for (std::int64_t i = 0; i < c; ++i) {
            double x = feature(call, first + t * c + i);
            if (draws) {
              x = (1 - double{kStrength[row]}) * x +
                  kStrength[row] * double{feature(found.call, first + found.token * c + i)};
            }
            ASSERT_NEAR(get(y, t * c + i),
                        x + value_of("residual", call, first + t * c + i, c_.dtype),
                        c_.dtype == DType::f32 ? 1e-5 : 4e-2)
                << "call " << call << ", row " << row << ", token " << t;
          }
        }
      }
    }
  }
  EXPECT_GT(drawn, 0);
  EXPECT_GT(left, 0);
}

INSTANTIATE_TEST_SUITE_P(Devices, KeptFrames, ::testing::ValuesIn(all_cases()),
                         [](const auto& test) { return label(test.param); });
INSTANTIATE_TEST_SUITE_P(Devices, InjectedFeatures, ::testing::ValuesIn(all_cases()),
                         [](const auto& test) { return label(test.param); });

}  // namespace
}  // namespace streamdiffusion::backend::test

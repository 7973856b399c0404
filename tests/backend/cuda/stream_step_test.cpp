// The stream batch in a card's memory against stream::StreamBatch.
#include "backend/stream_step.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "backend/cuda/host_device.h"
#include "base/error.h"
#include "graph/builder.h"
#include "schedule/schedule.h"
#include "stream/stream_batch.h"

namespace streamdiffusion::backend::cuda::test {
namespace {

using stream::FrameId;
using stream::RowLayout;
using stream::StreamBatch;
using stream::StreamParameters;

constexpr stream::LatentShape kLatents{3, 5, 4};
constexpr float kEncoderScale = 0.5F, kDecoderScale = 2.0F;
const float kNaN = std::numeric_limits<float>::quiet_NaN();

struct Program {
  std::unique_ptr<Executable> executable;
  std::unique_ptr<State> state;

  std::span<float> input(const char* name) const { return floats(state->input(name)); }
  std::span<float> output(const char* name) const { return floats(state->output(name)); }
  void submit() const { executable->submit(graph::Lifetime::per_frame, *state); }

 private:
  static std::span<float> floats(const tensor::View& view) {
    return {view.as<float>(), static_cast<std::size_t>(view.desc.shape.elements())};
  }
};

/// Networks that a test can compute itself.
Program compile(Device& device, const std::function<void(graph::Builder&)>& build) {
  graph::Builder builder(tensor::DType::f32);
  build(builder);
  std::vector<graph::Graph> graphs;
  graphs.push_back(builder.finish());
  const auto no_weight = [](const graph::Weight&, std::span<float>) {};
  Program program{device.compile(std::move(graphs), {"toy", no_weight}), nullptr};
  program.state = program.executable->make_state();
  return program;
}

graph::Value latents_of(graph::Builder& b, const char* name, int rows) {
  return b.input(name, {{rows, kLatents.h, kLatents.w, kLatents.c}, tensor::DType::f32},
                 graph::Lifetime::per_frame);
}

float silu(float x) {
  return x / (1.0F + std::exp(-x));
}

/// Makes latents not finite: those of a frame, before they enter, or a row's prediction.
struct Fault {
  int frame = -1, unet_row = -1;
};

/// A stream on the card, and the same one on the host.
class BothStreams {
 public:
  BothStreams(const RowLayout& layout, const StreamParameters& parameters, bool from_noise = false)
      : layout_(layout), from_noise_(from_noise), host_(layout, kLatents, parameters) {
    const int frames = layout.frames, rows = layout.unet_rows();
    encoder_ = compile(*device_, [&](graph::Builder& b) {
      b.output("latents", b.convert(latents_of(b, "z", frames), {.scale = kEncoderScale}));
    });
    unet_ = compile(*device_, [&](graph::Builder& b) {
      const graph::Value latents = latents_of(b, "latents", rows);
      b.output("prediction", b.add(b.silu(latents), latents_of(b, "extra", rows)));
    });
    decoder_ = compile(*device_, [&](graph::Builder& b) {
      b.output("image", b.convert(latents_of(b, "latents", frames), {.scale = kDecoderScale}));
    });
    encoder_.state->keep_on_device("latents");
    unet_.state->keep_on_device("latents");
    unet_.state->keep_on_device("prediction");
    decoder_.state->keep_on_device("latents");
    step_ = device_->make_stream_step({.steps = layout.steps,
                                       .frames = frames,
                                       .negative_rows = layout.negative_rows(),
                                       .cfg = layout.cfg,
                                       .row_elements = kLatents.size(),
                                       .from_noise = from_noise,
                                       .keeps_finished = true});
    set(parameters);
  }

  void set(const StreamParameters& parameters) {
    host_.set(parameters);
    step_->set_noise(host_.noise());
    coefficients_.clear();
    for (const schedule::DenoisingStep& s : parameters.steps)
      coefficients_.push_back({s.a, s.b, s.c_skip, s.c_out, s.q, s.r, s.out_a, s.out_b});
  }

  /// A call with new frames from `first` on, or with none; returns the most that both differ in
  /// what comes out.
  double call(FrameId first, const Fault& fault = {}) {
    std::vector<FrameId> ids(static_cast<std::size_t>(layout_.frames));
    for (std::size_t f = 0; first && f < ids.size(); ++f) ids[f] = *first + f;
    const std::vector<float> fresh = new_frames(first.value_or(0), fault.frame);
    queue(fresh, fault.unet_row);
    std::vector<float> expected(fresh.size());
    leaving_.assign(ids.size(), {});
    if (fault.frame >= 0) ids[static_cast<std::size_t>(fault.frame)].reset();
    on_host(fresh, ids, expected, fault.unet_row);
    return difference(expected);
  }

  StreamStep& step() { return *step_; }
  StreamBatch& host() { return host_; }
  HostRuntime::Record& record() { return record_; }
  /// What came out of the last call.
  const std::vector<FrameId>& leaving() const { return leaving_; }
  float feedback = 0;

 private:
  /// [frames][row]: what the encoder is given, or noise.
  std::vector<float> new_frames(std::uint64_t first, int broken) const {
    std::vector<float> z(static_cast<std::size_t>(layout_.frames) * kLatents.size());
    for (std::size_t i = 0; i < z.size(); ++i)
      z[i] = std::sin(0.37F * static_cast<float>(i) + static_cast<float>(first));
    if (broken >= 0) z[static_cast<std::size_t>(broken) * kLatents.size() + 7] = kNaN;
    return z;
  }

  float extra(std::size_t i, int broken) const {
    const bool is_broken = static_cast<int>(i / kLatents.size()) == broken;
    return is_broken ? kNaN : 0.3F * std::cos(0.11F * static_cast<float>(i));
  }

  void queue(const std::vector<float>& fresh, int broken_row) {
    step_->begin(0);
    if (!from_noise_) {
      std::ranges::copy(fresh, encoder_.input("z").begin());
      encoder_.submit();
    }
    step_->encoded();
    const StreamParameters& p = host_.parameters();
    const stream::Guidance guidance{layout_.cfg, p.guidance_scale, p.delta};
    step_->enter({.steps = coefficients_,
                  .prediction = p.prediction,
                  .guided = guidance.active(),
                  .scale = guidance.active() ? p.guidance_scale : 1.0F,
                  .delta = p.delta,
                  .add_noise = p.do_add_noise,
                  .feedback = feedback},
                 encoder_.state.get(), fresh, *unet_.state);
    const std::span<float> added = unet_.input("extra");
    for (std::size_t i = 0; i < added.size(); ++i) added[i] = extra(i, broken_row);
    unet_.submit();
    step_->leave(*unet_.state, *decoder_.state);
    decoder_.submit();
    step_->end();
    step_->wait(0);
  }

  void on_host(const std::vector<float>& fresh, const std::vector<FrameId>& ids,
               std::vector<float>& expected, int broken_row) {
    std::vector<float> rows(static_cast<std::size_t>(layout_.unet_rows()) * kLatents.size());
    std::vector<float> entering = fresh;
    for (std::size_t i = 0; i < entering.size(); ++i) {
      if (!from_noise_) entering[i] *= kEncoderScale;
      if (!std::isfinite(entering[i])) entering[i] = 0;
      if (feedback > 0)
        entering[i] = (1 - feedback) * entering[i] + feedback * last_[i % kLatents.size()];
    }
    from_noise_ ? host_.enter_noise(entering, ids, rows) : host_.enter(entering, ids, rows);
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = silu(rows[i]) + extra(i, broken_row);
    try {
      host_.leave(rows, expected, leaving_);
    } catch (const base::Error& error) {
      EXPECT_EQ(error.code(), base::ErrorCode::numeric);
    }
  }

  double difference(const std::vector<float>& expected) {
    double most = 0;
    for (std::size_t f = 0; f < leaving_.size(); ++f) {
      if (!leaving_[f]) continue;
      for (std::size_t i = f * kLatents.size(); i < (f + 1) * kLatents.size(); ++i) {
        const double value = expected[i], scale = std::max(1.0, std::abs(value));
        const double here = step_->finished()[i], drawn = decoder_.output("image")[i];
        most = std::max({most, std::abs(here - value) / scale,
                         std::abs(drawn - kDecoderScale * value) / scale});
        if (std::isnan(here) || std::isnan(drawn)) return kNaN;
      }
      last_.assign(expected.begin() + static_cast<std::ptrdiff_t>(f * kLatents.size()),
                   expected.begin() + static_cast<std::ptrdiff_t>((f + 1) * kLatents.size()));
      step_->keep_last(static_cast<int>(f));
    }
    return most;
  }

  HostRuntime::Record record_;
  const std::unique_ptr<Device> device_ = make_host_device(record_);
  const RowLayout layout_;
  const bool from_noise_;
  StreamBatch host_;
  Program encoder_, unet_, decoder_;
  std::unique_ptr<StreamStep> step_;
  std::vector<StepCoefficients> coefficients_;
  std::vector<FrameId> leaving_;
  std::vector<float> last_ = std::vector<float>(kLatents.size());
};

StreamParameters parameters(const std::vector<int>& list, Scheduler scheduler = Scheduler::lcm) {
  StreamParameters p;
  const schedule::StepOptions options{.scheduler = scheduler, .t_index_list = list};
  p.steps = schedule::Schedule().steps(options);
  p.guidance_scale = 1.4F;
  p.delta = 0.7F;
  return p;
}

constexpr double kTolerance = 2e-5;
constexpr CfgType kTypes[]{CfgType::none, CfgType::full, CfgType::self, CfgType::initialize};
constexpr PredictionType kPredictions[]{PredictionType::epsilon, PredictionType::v,
                                        PredictionType::sample};

/// Frames until none waits; returns how many came out.
int drain(BothStreams& both, const RowLayout& layout, std::uint64_t frames) {
  int came_out = 0;
  const auto count = [&] {
    for (const FrameId& id : both.leaving()) came_out += id.has_value();
  };
  for (std::uint64_t first = 0; first < frames;
       first += static_cast<std::uint64_t>(layout.frames)) {
    EXPECT_LE(both.call(first), kTolerance) << "frame " << first;
    count();
  }
  while (both.host().waiting()) {
    EXPECT_LE(both.call({}), kTolerance);
    count();
  }
  return came_out;
}

TEST(StreamStep, GivesWhatTheHostGivesForEveryGuidanceStepCountAndPrediction) {
  const std::pair<std::vector<int>, int> layouts[]{{{32}, 2}, {{22, 32, 45}, 1}};
  for (const auto& [list, frames] : layouts) {
    for (const CfgType cfg : kTypes) {
      for (const PredictionType prediction : kPredictions) {
        SCOPED_TRACE(::testing::Message()
                     << list.size() << " steps, guidance " << static_cast<int>(cfg)
                     << ", prediction " << static_cast<int>(prediction));
        StreamParameters p = parameters(list);
        p.prediction = prediction;
        p.do_add_noise = frames == 1;
        const RowLayout layout{static_cast<int>(list.size()), frames, cfg};
        BothStreams both(layout, p);
        EXPECT_EQ(drain(both, layout, 6), 6);
      }
    }
  }
}

TEST(StreamStep, ThreadsMayRunInAnyOrder) {
  for (const auto order : {cuda_on_host::Order::reverse, cuda_on_host::Order::random}) {
    cuda_on_host::set_order(order);
    const RowLayout layout{2, 2, CfgType::full};
    BothStreams both(layout, parameters({22, 45}));
    EXPECT_EQ(drain(both, layout, 6), 6);
  }
  cuda_on_host::set_order(cuda_on_host::Order::forward);
}

TEST(StreamStep, EverySchedulerAndFramesFromNoise) {
  for (const Scheduler scheduler :
       {Scheduler::lcm, Scheduler::euler, Scheduler::euler_ancestral, Scheduler::ddim}) {
    for (const bool from_noise : {false, true}) {
      BothStreams both({3, 1, CfgType::self}, parameters({10, 22, 45}, scheduler), from_noise);
      for (std::uint64_t first = 0; first < 6; ++first)
        EXPECT_LE(both.call(first), kTolerance) << static_cast<int>(scheduler) << from_noise;
    }
  }
}

TEST(StreamStep, ParametersChangeBetweenTwoFrames) {
  BothStreams both({2, 1, CfgType::initialize}, parameters({22, 45}));
  for (std::uint64_t first = 0; first < 12; ++first) {
    StreamParameters p = parameters(first < 4 ? std::vector{22, 45} : std::vector{5, 30});
    p.guidance_scale = first < 6 ? 1.4F : 0.9F;
    p.delta = 0.5F + 0.1F * static_cast<float>(first);
    p.do_add_noise = first % 3 != 0;
    p.seeds = {.seeds = {{first < 8 ? 2 : 7, 1.0F}}};
    both.set(p);
    EXPECT_LE(both.call(first), kTolerance) << first;
  }
}

TEST(StreamStep, FeedbackBlendsTheLastFrame) {
  BothStreams both({2, 2, CfgType::self}, parameters({22, 45}));
  for (std::uint64_t first = 0; first < 12; first += 2) {
    both.feedback = first < 4 ? 0.0F : 0.4F;
    EXPECT_LE(both.call(first), kTolerance) << first;
  }
}

/// A broken frame is told, and harms no other.
TEST(StreamStep, WhatIsNotFiniteStaysInItsRow) {
  for (const CfgType cfg : kTypes) {
    const RowLayout layout{3, 2, cfg};
    BothStreams both(layout, parameters({22, 32, 45}));
    for (std::uint64_t first = 0; first < 16; first += 2) {
      Fault fault;
      const int broken_row = layout.positive_row(3);
      if (first == 4) fault.frame = 1;
      if (first == 8) fault.unet_row = broken_row;
      EXPECT_LE(both.call(first, fault), kTolerance) << first;
      for (int f = 0; f < layout.frames; ++f)
        EXPECT_EQ(both.step().encoded_is_finite(f), f != fault.frame) << first;
      for (int row = 0; row < layout.stream_rows(); ++row)
        EXPECT_EQ(both.step().is_finite(row), fault.unet_row < 0 || row != 3) << first;
    }
  }
}

/// A frame passes with one wait; the host sees its image and the flags alone.
TEST(StreamStep, OneWaitACall) {
  BothStreams both({2, 1, CfgType::self}, parameters({22, 45}));
  for (std::uint64_t first = 0; first < 4; ++first) both.call(first);
  const HostRuntime::Record& record = both.record();
  const int waits = record.waits, uploads = record.uploads, downloads = record.downloads;
  const int event_waits = record.event_waits;
  both.call(4);
  EXPECT_EQ(record.waits, waits);
  EXPECT_EQ(record.event_waits, event_waits + 1);
  // the steps; z and the extra values are copied within recorded programs
  EXPECT_EQ(record.uploads, uploads + 1);
  EXPECT_EQ(record.downloads, downloads + 2);  // flags, and the latents that are kept
}

TEST(StreamStep, RefusesOtherSizesAndStates) {
  HostRuntime::Record record;
  const auto device = make_host_device(record);
  const auto step = device->make_stream_step({.steps = 2, .row_elements = 4});
  EXPECT_THROW(step->set_noise(std::vector<float>(4)), base::Error);
  EXPECT_THROW(step->enter({}, nullptr, {},
                           *compile(*device,
                                    [](graph::Builder& b) {
                                      b.output("y", b.silu(latents_of(b, "latents", 1)));
                                    })
                                .state),
               base::Error);
  EXPECT_EQ(make_device("ref")->make_stream_step({}), nullptr);
}

}  // namespace
}  // namespace streamdiffusion::backend::cuda::test

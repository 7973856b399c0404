// A device whose time passes by what its programs would compute, not by the clock of a machine that
// does other things as well. It computes nothing: all it gives is zeros.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <thread>
#include <utility>

#include "backend/backend.h"

namespace streamdiffusion::testing {

/// Seconds that pass only when a program runs.
struct CountedClock {
  std::atomic<double> now = 0;
  /// Whether a run may end: a test can hold it until others wait.
  std::function<bool()> may_end = [] { return true; };
};

class CountedExecutable final : public backend::Executable {
 public:
  CountedExecutable(std::unique_ptr<backend::Executable> inner, CountedClock& clock)
      : inner_(std::move(inner)), clock_(clock) {}

  std::unique_ptr<backend::State> make_state() const override { return inner_->make_state(); }
  /// After a long one others may go first, as if an op ended there.
  void run(graph::Lifetime program, backend::State& /*state*/, backend::Pause* pause) override {
    while (!clock_.may_end()) std::this_thread::yield();
    const double cost = seconds(program);
    clock_.now = clock_.now + cost;
    if (pause != nullptr && cost > pause->after() && pause->wanted()) pause->pause();
  }
  std::vector<backend::OpReport> report() const override { return inner_->report(); }
  std::vector<std::vector<backend::Extent>> hoisted_rows(graph::Lifetime lifetime) const override {
    return inner_->hoisted_rows(lifetime);
  }
  std::vector<std::string> frame_inputs() const override { return inner_->frame_inputs(); }
  std::size_t row_groups() const override { return inner_->row_groups(); }
  std::size_t arena_bytes() const override { return inner_->arena_bytes(); }
  std::size_t state_bytes() const override { return inner_->state_bytes(); }

 private:
  double seconds(graph::Lifetime program) const {
    constexpr double kFlopsPerSecond = 1e9;
    double flops = 0;
    for (const backend::OpReport& op : inner_->report()) {
      if (op.lifetime == program) flops += op.flops;
    }
    return flops / kFlopsPerSecond;
  }

  std::unique_ptr<backend::Executable> inner_;
  CountedClock& clock_;
};

/// What the device "ref" would compute, counted.
class CountedDevice final : public backend::Device {
 public:
  explicit CountedDevice(CountedClock& clock)
      : inner_(backend::make_device("ref", {.threads = 1})), clock_(clock) {}

  std::string name() const override { return inner_->name(); }
  std::string description() const override { return inner_->description(); }
  int threads() const override { return 1; }
  tensor::DType preferred_dtype() const override { return inner_->preferred_dtype(); }
  bool supports(tensor::DType dtype) const override { return inner_->supports(dtype); }
  bool supports_int8() const override { return inner_->supports_int8(); }
  bool rows_are_independent() const override { return inner_->rows_are_independent(); }
  bool can_pause() const override { return inner_->can_pause(); }
  std::size_t weight_bytes() const override { return inner_->weight_bytes(); }
  std::unique_ptr<backend::Executable> compile(
      std::vector<graph::Graph> row_groups, const backend::Weights& weights,
      std::span<const std::string> shared_inputs) override {
    return std::make_unique<CountedExecutable>(
        inner_->compile(std::move(row_groups), weights, shared_inputs), clock_);
  }

 private:
  std::unique_ptr<backend::Device> inner_;
  CountedClock& clock_;
};

}  // namespace streamdiffusion::testing

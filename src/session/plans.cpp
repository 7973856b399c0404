#include "session/plans.h"

#include <algorithm>
#include <array>
#include <limits>

#include "base/clock.h"
#include "base/log.h"

namespace streamdiffusion::session {
namespace {

/// The living executable under this key, or the one `make` gives.
template <typename Key, typename Make>
SharedExecutable shared(std::map<Key, std::weak_ptr<backend::Executable>>& plans, const Key& key,
                        const Make& make) {
  std::weak_ptr<backend::Executable>& slot = plans[key];
  if (SharedExecutable living = slot.lock()) return living;
  SharedExecutable made = make();
  slot = made;
  return made;
}

/// Seconds of one frame: the best of three after one to warm up.
double measure(backend::Executable& executable) {
  const auto state = executable.make_state();
  double best = std::numeric_limits<double>::max();
  for (int i = 0; i < 4; ++i) {
    const auto start = base::Clock::now();
    executable.run(graph::Lifetime::per_frame, *state);
    if (i > 0) best = std::min(best, base::seconds_since(start));
  }
  return best;
}

}  // namespace

SharedExecutable Plans::text() {
  const std::lock_guard lock(mutex_);
  if (SharedExecutable living = text_.lock()) return living;
  SharedExecutable made =
      device_.compile({model_.text_graph(dtype_)}, model_.weights(Component::text));
  text_ = made;
  return made;
}

SharedExecutable Plans::encoder(const PicturePlan& plan) {
  const std::lock_guard lock(mutex_);
  return shared(encoders_, plan, [&]() -> SharedExecutable {
    return device_.compile({model_.encoder_graph(plan.frames, plan.height, plan.width, dtype_)},
                           model_.weights(Component::autoencoder));
  });
}

SharedExecutable Plans::decoder(const PicturePlan& plan) {
  const std::lock_guard lock(mutex_);
  return shared(decoders_, plan, [&]() -> SharedExecutable {
    return device_.compile(
        {model_.decoder_graph(plan.frames, plan.height, plan.width, plan.image, dtype_)},
        model_.weights(Component::autoencoder));
  });
}

SharedExecutable Plans::unet(const UNetPlan& plan) {
  const std::lock_guard lock(mutex_);
  return shared(unets_, plan, [&]() -> SharedExecutable {
    const bool can_split = plan.kv_rows.size() > 1 && device_.threads() > 1;
    UNetPlan by_ops = plan, by_rows = plan;
    by_ops.parallel = Parallel::ops;
    by_rows.parallel = Parallel::rows;
    if (plan.parallel == Parallel::rows && can_split) return compile_unet(by_rows);
    if (plan.parallel != Parallel::automatic || !can_split) return compile_unet(by_ops);
    if (const auto known = faster_.find(plan); known != faster_.end()) {
      return compile_unet(known->second == Parallel::rows ? by_rows : by_ops);
    }
    SharedExecutable ops = compile_unet(by_ops), rows = compile_unet(by_rows);
    const double ops_seconds = measure(*ops), rows_seconds = measure(*rows);
    base::log(base::LogLevel::info,
              base::concat("UNet over ", plan.kv_rows.size(), " rows: ", ops_seconds * 1e3,
                           " ms with every op on all threads, ", rows_seconds * 1e3,
                           " ms with rows on threads of their own"));
    const bool split = rows_seconds < ops_seconds;
    faster_[plan] = split ? Parallel::rows : Parallel::ops;
    return split ? rows : ops;
  });
}

SharedExecutable Plans::compile_unet(const UNetPlan& plan) {
  const int rows = static_cast<int>(plan.kv_rows.size());
  const int lanes = plan.parallel == Parallel::rows ? std::min(rows, device_.threads()) : 1;
  std::vector<graph::Graph> graphs;
  for (int lane = 0; lane < lanes; ++lane) {
    const auto begin = plan.kv_rows.begin() + rows * lane / lanes,
               end = plan.kv_rows.begin() + rows * (lane + 1) / lanes;
    graphs.push_back(
        model_.unet_graph({begin, end}, plan.prompts, plan.height, plan.width, dtype_));
  }
  const std::array<std::string, 1> shared_inputs{"context"};
  return device_.compile(std::move(graphs), model_.weights(Component::unet), shared_inputs);
}

}  // namespace streamdiffusion::session

// Sessions on the cuda device without a card, with one frame in flight or two.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "backend/cuda/host_device.h"
#include "session/session_impl.h"
#include "session/session_options.h"
#include "support/tiny_model.h"

namespace streamdiffusion::backend::cuda::test {

constexpr int kOverlapSide = 16;

inline std::shared_ptr<Engine::Impl> open_on_host(HostRuntime::Record& record,
                                                  EngineOptions options) {
  options.device = "ref";
  options.dtype = DataType::f32;
  options.threads = 1;
  Engine::Impl::Extras extras;
  extras.device = make_host_device(record);
  return std::make_shared<Engine::Impl>(options, std::move(extras));
}

inline std::unique_ptr<Session::Impl> session_of(const std::shared_ptr<Engine::Impl>& engine,
                                                 SessionOptions options, bool overlap) {
  options.width = options.height = kOverlapSide;
  auto session =
      std::make_unique<Session::Impl>(engine, session::with_defaults(engine->model, options));
  session->set_overlap(overlap);
  return session;
}

inline Image overlap_image(std::uint64_t number) {
  Image image{kOverlapSide, kOverlapSide, {}};
  for (std::uint64_t i = 0; i < std::uint64_t{kOverlapSide} * kOverlapSide * 3; ++i)
    image.rgb.push_back(static_cast<std::uint8_t>(i * (3 + number) + 40 * number));
  return image;
}

/// A frame's image, or noise alone.
inline void enter(Session::Impl& session, std::uint64_t number) {
  const session::FrameTag tag{number, {}};
  if (session.options().text_to_image) return session.generate(tag);
  session.push(overlap_image(number), tag);
}

/// What comes out of frames 0 to `count` - 1; `between` is called before each of them enters.
inline std::vector<Output> outputs_of(
    Session::Impl& session, std::uint64_t count,
    const std::function<void(Session::Impl&, std::uint64_t)>& between = {}) {
  std::vector<Output> outputs;
  const auto take = [&] {
    for (Output& output : session.pop_all()) outputs.push_back(std::move(output));
  };
  for (std::uint64_t number = 0; number < count; ++number) {
    if (between) between(session, number);
    enter(session, number);
    take();
  }
  session.flush();
  take();
  return outputs;
}

/// The numbers of those that are not equal to the last bit.
inline std::vector<std::uint64_t> differing(const std::vector<Output>& a,
                                            const std::vector<Output>& b) {
  std::vector<std::uint64_t> numbers;
  for (std::size_t i = 0; i < std::max(a.size(), b.size()); ++i) {
    const bool both = i < a.size() && i < b.size();
    const auto error = [](const Output& o) { return o.error ? o.error->what() : std::string(); };
    if (both && a[i].frame_id == b[i].frame_id && a[i].image.rgb == b[i].image.rgb &&
        a[i].latents == b[i].latents && a[i].pixels == b[i].pixels && error(a[i]) == error(b[i]))
      continue;
    numbers.push_back(i);
  }
  return numbers;
}

constexpr WorkOrder kWorkOrders[]{WorkOrder::late, WorkOrder::early, WorkOrder::early_copies,
                                  WorkOrder::late_copies, WorkOrder::random};

}  // namespace streamdiffusion::backend::cuda::test

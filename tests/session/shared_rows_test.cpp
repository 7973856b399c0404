// Sessions whose rows share calls of the UNet draw what they draw alone, bit for bit: at every
// seat, beside neighbors that come, go, change everything, fail and are stopped.
#include <gtest/gtest.h>

#include <atomic>
#include <barrier>
#include <cstdlib>
#include <map>
#include <random>
#include <thread>

#include "backend/backend.h"
#include "session/session_impl.h"
#include "session/session_options.h"
#include "support/log.h"
#include "support/tiny_model.h"

namespace streamdiffusion {
namespace {

using graph::Lifetime;
using graph::Value;
using tensor::DType;

/// SD_TEST_SCHEDULES: another number. `make ci` tries a thousand, sanitizers fewer.
int schedules() {
  const char* number = std::getenv("SD_TEST_SCHEDULES");
  return number == nullptr ? 30 : std::atoi(number);
}

constexpr int kScripts = 40;
constexpr int kWidth = 32, kHeight = 24;

Value append(graph::Graph& graph, graph::Attributes kind, const std::vector<Value>& inputs,
             Lifetime lifetime) {
  const Value out{static_cast<int>(graph.values.size())};
  const auto producer = static_cast<int>(graph.ops.size());
  graph.values.push_back({graph.desc(inputs[0]), lifetime, producer});
  graph.ops.push_back({std::move(kind), inputs, {}, out, "poison", "unet", {}});
  return out;
}

/// Rows of timesteps above 255 become NaN, and all others stay as they are: nothing is added to
/// them, x times, where x overflows.
graph::Graph poisoned(graph::Graph graph) {
  Value x;
  for (const graph::Input& input : graph.inputs) {
    if (input.name == "timesteps") x = input.value;
  }
  for (int i = 0; i < 4; ++i)
    x = append(graph, graph::AddScaled{}, {x, x, x}, Lifetime::per_schedule);
  graph::Output& prediction = graph.outputs.front();
  const Value nothing{static_cast<int>(graph.values.size())};
  graph.values.push_back({graph.desc(prediction.value), Lifetime::per_frame, -1});
  graph.inputs.push_back({"nothing", nothing});  // no session writes it
  prediction.value =
      append(graph, graph::AddScaled{}, {prediction.value, nothing, x}, Lifetime::per_frame);
  return graph;
}

std::shared_ptr<Engine::Impl> open_engine(const std::string& device, const std::string& batching,
                                          int threads = 2) {
  static const testing::TinyModel model;
  auto opened = std::make_shared<const session::Model*>();
  Engine::Impl::Extras extras;
  extras.build_unet = [opened](const models::UNetShape& shape) {
    return poisoned((*opened)->unet_graph(shape));
  };
  const EngineOptions options{.model = model.path(),
                              .device = device,
                              .dtype = DataType::f32,
                              .threads = threads,
                              .batching = batching};
  auto engine = std::make_shared<Engine::Impl>(options, std::move(extras));
  *opened = &engine->model;
  return engine;
}

Image frame(unsigned number) {
  Image image{kWidth, kHeight, {}};
  for (unsigned i = 0; i < unsigned{kWidth} * kHeight * 3; ++i)
    image.rgb.push_back(static_cast<std::uint8_t>(i * 7 + number * 31));
  return image;
}

/// What came of a frame.
struct Drawn {
  std::uint64_t frame = 0;
  std::string error;
  std::vector<float> latents;
  std::vector<std::uint8_t> rgb;
  bool operator==(const Drawn&) const = default;
};

/// One user: a session and what happens to it, all by the script's number.
class Script {
 public:
  explicit Script(unsigned number) : number_(number) {
    Random random(number);
    options_ = {.width = kWidth,
                .height = kHeight,
                .t_index_list = lists()[random() % 3],
                .cfg_type = cfg(random()),
                .seed = static_cast<int>(random() % 100),
                .text_to_image = random() % 5 == 0,
                .use_denoising_batch = random() % 5 != 0,
                .frame_buffer_size = random() % 4 == 0 ? 2 : 1,
                .keep_tensors = true};
    if (!options_.text_to_image) return;  // from text alone there are two guidance types
    options_.cfg_type = random() % 2 == 0 ? CfgType::none : CfgType::full;
  }

  SessionOptions options(const session::Model& model) const {
    return session::with_defaults(model, options_);
  }

  std::vector<Drawn> play(const std::shared_ptr<Engine::Impl>& engine, std::stop_token stop = {},
                          const std::function<void(int)>& before_frame = {}) const {
    Random random(number_ + 1000);
    Session::Impl session(engine, options(engine->model), std::move(stop));
    std::vector<Drawn> drawn;
    const int frames = 3 + static_cast<int>(random() % 4);
    for (int i = 0; i < frames; ++i) {
      if (before_frame) before_frame(i);
      if (random() % 2 == 0) change(session, random);
      const session::FrameTag tag{static_cast<std::uint64_t>(i), {}};
      options_.text_to_image ? session.generate(tag)
                             : session.push(frame(number_ + static_cast<unsigned>(i)), tag);
      take(session, drawn);
    }
    session.flush();
    take(session, drawn);
    return drawn;
  }

 private:
  using Random = std::mt19937;

  static const std::array<std::vector<int>, 3>& lists() {
    static const std::array<std::vector<int>, 3> lists{{{40}, {38, 45}, {38, 42, 46}}};
    return lists;
  }
  static CfgType cfg(unsigned number) {
    return std::array{CfgType::none, CfgType::full, CfgType::self, CfgType::initialize}[number % 4];
  }

  void change(Session::Impl& session, Random& random) const {
    const std::array prompts{"red apple", "green fish", "(blue:1.4) house"};
    switch (random() % 5) {
      case 0:
        return session.set_prompts({{prompts[random() % 3], 1.0F}}, Interpolation::linear);
      case 1:
        return session.set_negative_prompt(prompts[random() % 3]);
      case 2:
        return session.set_seeds({{static_cast<int>(random() % 100), 1.0F}}, Interpolation::slerp);
      case 3:
        return session.set_guidance_scale(1.0F + 0.1F * static_cast<float>(random() % 10));
      default: {
        std::vector<int> list = options_.t_index_list;
        list.front() = random() % 2 == 0 ? 5 : 39;  // 5: the row breaks
        return session.set_t_index_list(list);
      }
    }
  }

  static void take(Session::Impl& session, std::vector<Drawn>& drawn) {
    for (Output& output : session.pop_all()) {
      drawn.push_back({output.frame_id, output.error ? output.error->what() : "",
                       std::move(output.latents), std::move(output.image.rgb)});
    }
  }

  unsigned number_;
  SessionOptions options_;
};

std::string difference(const std::vector<Drawn>& found, const std::vector<Drawn>& expected) {
  if (found.size() != expected.size())
    return std::to_string(found.size()) + " frames, expected " + std::to_string(expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (found[i] == expected[i]) continue;
    return "frame " + std::to_string(found[i].frame) + ": \"" + found[i].error + "\", expected \"" +
           expected[i].error + "\"";
  }
  return "";
}

class SharedRows : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    const auto alone = open_engine(GetParam(), "off");
    for (unsigned i = 0; i < kScripts; ++i) {
      scripts_.emplace_back(i);
      expected_.push_back(scripts_.back().play(alone));
    }
    engine_ = open_engine(GetParam(), "8");
    // So that programs are compiled once, and not for every schedule.
    for (const Script& script : scripts_)
      kept_.push_back(std::make_unique<Session::Impl>(engine_, script.options(engine_->model)));
  }

  /// Some users at once. One of three schedules has a user that is stopped in the middle.
  void play_together(std::mt19937& random) {
    const std::size_t users = 2 + random() % 3;
    std::stop_source stop;
    const bool stops = random() % 3 == 0;
    const int stop_at = 1 + static_cast<int>(random() % 3);
    std::barrier start(static_cast<std::ptrdiff_t>(users));
    std::vector<std::thread> threads;
    for (std::size_t user = 0; user < users; ++user) {
      const std::size_t which = random() % kScripts;
      const bool stopped = stops && user == 0;
      threads.emplace_back([&, which, user, stopped] {
        start.arrive_and_wait();
        if (stopped) return play_stopped(scripts_[which], stop.get_token());
        const auto found = scripts_[which].play(engine_, {}, [&](int frame) {
          if (stops && user == 1 && frame == stop_at) stop.request_stop();
        });
        const std::string wrong = difference(found, expected_[which]);
        if (wrong.empty()) return;
        ++wrong_;
        ADD_FAILURE() << "script " << which << ": " << wrong;
      });
    }
    for (std::thread& thread : threads) thread.join();
  }

  void play_stopped(const Script& script, const std::stop_token& stop) {
    try {
      script.play(engine_, stop);
    } catch (const Error& error) {  // before its session was made
      EXPECT_EQ(error.code(), ErrorCode::busy) << error.what();
    }
  }

  std::vector<Script> scripts_;
  std::vector<std::vector<Drawn>> expected_;
  std::shared_ptr<Engine::Impl> engine_;
  std::vector<std::unique_ptr<Session::Impl>> kept_;
  std::atomic<int> wrong_ = 0;
};

TEST_P(SharedRows, RandomSchedulesDrawWhatEachUserDrawsAlone) {
  int broken = 0;
  for (const auto& drawn : expected_) {
    for (const Drawn& one : drawn) broken += !one.error.empty();
  }
  EXPECT_GT(broken, 5) << "hardly any row breaks";
  std::mt19937 random(1);
  const int count = schedules();
  for (int i = 0; i < count && wrong_ == 0; ++i) {
    play_together(random);
    if (i == 10) engine_->row_pools.wait_until_reserved();
  }
  const session::RowPoolStats& stats = engine_->row_pools.stats();
  EXPECT_GT(stats.calls, static_cast<std::uint64_t>(count) / 4) << "rows hardly ever met";
  EXPECT_GE(stats.sessions, 2 * stats.calls);
  EXPECT_GT(stats.empty_seats, 0U);
  RecordProperty("shared_calls", std::to_string(stats.calls));
  RecordProperty("shared_sessions", std::to_string(stats.sessions));
}

/// Frames of two users until so many calls have both.
void draw_together(const std::shared_ptr<Engine::Impl>& engine,
                   std::array<std::unique_ptr<Session::Impl>, 2>& users, std::uint64_t calls) {
  const session::RowPoolStats& stats = engine->row_pools.stats();
  const std::uint64_t until = stats.calls + calls;
  std::vector<std::thread> threads;
  for (const auto& user : users) {
    threads.emplace_back([&stats, until, session = user.get()] {
      while (stats.calls < until) {
        session->push(frame(1));
        session->pop_all();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_P(SharedRows, WhatWasComputedAheadIsCopiedOnceToASteadyGroup) {
  std::array<std::unique_ptr<Session::Impl>, 2> users;
  for (auto& user : users) {
    const SessionOptions options{.width = kWidth, .height = kHeight, .t_index_list = {40, 45}};
    user =
        std::make_unique<Session::Impl>(engine_, session::with_defaults(engine_->model, options));
    user->push(frame(0));
  }
  engine_->row_pools.wait_until_reserved();
  draw_together(engine_, users, 1);
  const session::RowPoolStats& stats = engine_->row_pools.stats();
  const std::uint64_t copied = stats.copied_bytes;
  EXPECT_GT(copied, 0U);
  draw_together(engine_, users, 5);
  EXPECT_EQ(stats.copied_bytes, copied);
  users[0]->set_prompts({{"green fish", 1.0F}}, Interpolation::linear);
  draw_together(engine_, users, 5);
  EXPECT_GT(stats.copied_bytes, copied);
  EXPECT_LT(stats.copied_bytes, 2 * copied);  // one of two, and the prompt alone
}

TEST_P(SharedRows, WhyASessionSharesNoCallIsSaidOnce) {
  const auto engine = open_engine(GetParam(), "2");
  const testing::Log log;
  const auto open = [&](const SessionOptions& options) {
    const Session::Impl session(engine, session::with_defaults(engine->model, options));
  };
  open({.width = kWidth, .height = kHeight, .t_index_list = {40}});
  EXPECT_FALSE(log.has("batching: a session")) << log.text();
  for (int i = 0; i < 2; ++i) open({.width = kWidth, .height = kHeight, .t_index_list = {40, 45}});
  const std::string why = "because its 2 rows leave no seat of the 2 of --batching",
                    text = log.text();
  EXPECT_NE(text.find(why), std::string::npos) << text;
  EXPECT_EQ(text.find(why), text.rfind(why)) << text;
  open({.width = kWidth, .height = kHeight, .t_index_list = {40}, .parallel = Parallel::rows});
  EXPECT_TRUE(log.has("because parallel is rows"));
}

INSTANTIATE_TEST_SUITE_P(Device, SharedRows, ::testing::ValuesIn([] {
                           std::vector<std::string> names = backend::device_names();
                           std::erase(names, "cuda");
                           return names;
                         }()),
                         [](const auto& device) { return device.param; });

}  // namespace
}  // namespace streamdiffusion

// Sessions with LoRAs and ControlNets in shared calls of the UNet: those whose adapters are equal
// share, in every data type, and draw what they draw alone, bit for bit; others take turns.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <thread>

#include "backend/backend.h"
#include "session/calibrate.h"
#include "session/session_impl.h"
#include "session/session_options.h"
#include "support/temporary_folder.h"
#include "support/tiny_controlnet.h"
#include "weights/hash_weights.h"
#include "weights/safetensors.h"

namespace streamdiffusion {
namespace {

constexpr int kSide = 32;
constexpr int kFrames = 4;

Image image(int number) {
  Image image{kSide, kSide, {}};
  for (int i = 0; i < kSide * kSide * 3; ++i)
    image.rgb.push_back(static_cast<std::uint8_t>(i * (3 + number) + 97 * number));
  return image;
}

weights::TensorToWrite hashed(const std::string& name, const std::vector<std::int64_t>& dims) {
  std::size_t count = 1;
  for (const std::int64_t dim : dims) count *= static_cast<std::size_t>(dim);
  weights::TensorToWrite tensor{name, dims, std::vector<float>(count)};
  weights::HashWeights().read_f32(name, dims, tensor.values);
  return tensor;
}

/// One of the engine's: its frames, steps and adapters.
struct User {
  int number = 0;
  std::vector<int> t_index_list;
  float lora_scale = 0;
  bool controlled = false;
  float control_scale = 1;
};

struct Kind {
  std::string device;
  DataType dtype;
};

std::string name_of_kind(const Kind& kind) {
  return kind.device + (kind.dtype == DataType::f32    ? "_f32"
                        : kind.dtype == DataType::bf16 ? "_bf16"
                                                       : "_int8");
}

std::vector<Kind> kinds() {
  std::vector<Kind> kinds;
  for (const std::string& device : backend::device_names()) {
    if (device == "cuda") continue;
    for (const DataType dtype : {DataType::f32, DataType::bf16, DataType::int8})
      kinds.push_back({device, dtype});
  }
  return kinds;
}

class SharedAdapters : public ::testing::TestWithParam<Kind> {
 protected:
  SharedAdapters() {
    ::setenv("XDG_CACHE_HOME", cache_.path().c_str(), 1);
    net_ = testing::write_tiny_controlnet(model_, folder_, "canny", 1.5F);
    const std::string module = "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_k";
    const std::vector<weights::TensorToWrite> tensors{
        hashed("lora_unet_conv_in.lora_down.weight", {4, 4, 3, 3}),
        hashed("lora_unet_conv_in.lora_up.weight", {16, 4}),
        hashed(module + ".lora_down.weight", {4, 24}), hashed(module + ".lora_up.weight", {32, 4})};
    weights::write_safetensors(folder_.path() / "lora.safetensors", tensors);
    model_.write("streamdiffusion.json", R"({"width": 32, "height": 32})");
  }
  ~SharedAdapters() override { ::unsetenv("XDG_CACHE_HOME"); }

  /// Empty where the processor has no such arithmetic, which is said.
  std::shared_ptr<Engine::Impl> open(const std::string& batching) const {
    const EngineOptions options{.model = model_.path(),
                                .lora_dict = {{folder_ / "lora.safetensors", 0.0F}},
                                .controlnets = {{net_}},
                                .device = GetParam().device,
                                .dtype = GetParam().dtype,
                                .threads = 2,
                                .batching = batching};
    try {
      Engine::Impl::Extras extras;
      if (options.dtype == DataType::int8) extras.calibration = session::calibration_for(options);
      return std::make_shared<Engine::Impl>(options, std::move(extras));
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::unsupported) << error.what();
      return nullptr;
    }
  }

  static std::unique_ptr<Session::Impl> session(const std::shared_ptr<Engine::Impl>& engine,
                                                const User& user) {
    SessionOptions options{.width = kSide,
                           .height = kSide,
                           .t_index_list = user.t_index_list,
                           .seed = user.number,
                           .lora_scales = {user.lora_scale},
                           .keep_tensors = true};
    options.control_settings = {{.scale = user.control_scale, .enabled = user.controlled}};
    return std::make_unique<Session::Impl>(engine, session::with_defaults(engine->model, options));
  }

  /// The latents of the frames that leave.
  static std::vector<std::vector<float>> draw(Session::Impl& session, const User& user) {
    std::vector<std::vector<float>> drawn;
    const Image control = image(50 + user.number);
    const std::array<ImageView, 1> controls{control};
    for (int i = 0; i < kFrames; ++i) {
      session.push(image(user.number + i), {}, controls);
      for (Output& output : session.pop_all()) drawn.push_back(std::move(output.latents));
    }
    session.flush();
    for (Output& output : session.pop_all()) drawn.push_back(std::move(output.latents));
    return drawn;
  }

  /// All draw at once, again and again, until `enough`; each time the bits of `expected`.
  static void draw_together(const std::shared_ptr<Engine::Impl>& engine,
                            const std::vector<User>& users,
                            const std::vector<std::vector<std::vector<float>>>& expected,
                            const std::function<bool(int round)>& enough) {
    std::vector<std::unique_ptr<Session::Impl>> sessions;
    for (const User& user : users) {
      sessions.push_back(session(engine, user));
      EXPECT_EQ(draw(*sessions.back(), user), expected[sessions.size() - 1]);
    }
    engine->row_pools.wait_until_reserved();
    for (int round = 0; !enough(round) && !HasFailure(); ++round) {
      std::vector<std::thread> threads;
      for (std::size_t i = 0; i < users.size(); ++i) {
        sessions[i] = session(engine, users[i]);
        threads.emplace_back([&, i] {
          EXPECT_EQ(draw(*sessions[i], users[i]), expected[i]) << "user " << users[i].number;
        });
      }
      for (std::thread& thread : threads) thread.join();
    }
  }

  std::vector<std::vector<std::vector<float>>> alone(const std::vector<User>& users) const {
    const auto engine = open("off");
    std::vector<std::vector<std::vector<float>>> drawn;
    for (const User& user : users) {
      if (!engine) break;
      const auto own = session(engine, user);
      drawn.push_back(draw(*own, user));
    }
    return drawn;
  }

  testing::TinyModel model_;
  testing::TemporaryFolder folder_, cache_;
  std::string net_;
};

TEST_P(SharedAdapters, ThoseWithEqualOnesShareCallsAndDrawWhatTheyDrawAlone) {
  const std::vector<User> users{
      {1, {40}, 0.7F, true}, {2, {38, 45}, 0.7F, true, 0.4F}, {3, {30, 40, 45}, 0.7F, true, 0.9F}};
  const auto expected = alone(users);
  if (expected.empty()) GTEST_SKIP() << "this processor has no such arithmetic";
  EXPECT_NE(expected[0], expected[1]);
  const auto engine = open("8");
  const session::RowPoolStats& stats = engine->row_pools.stats();
  draw_together(engine, users, expected,
                [&](int round) { return stats.calls >= 10 && round >= 3; });
  EXPECT_GE(stats.sessions, 2 * stats.calls);
}

TEST_P(SharedAdapters, ThoseWithOthersTakeTurns) {
  const std::vector<User> users{
      {1, {40}, 0.7F, true}, {2, {40}, 0.2F, true}, {3, {40}, 0.7F, false}, {4, {40}, 0.2F, false}};
  const auto expected = alone(users);
  if (expected.empty()) GTEST_SKIP() << "this processor has no such arithmetic";
  for (std::size_t i = 1; i < users.size(); ++i) EXPECT_NE(expected[0], expected[i]);
  const auto engine = open("8");
  draw_together(engine, users, expected, [](int round) { return round >= 5; });
  EXPECT_EQ(engine->row_pools.stats().calls, 0U) << "sessions with other weights shared a call";
}

INSTANTIATE_TEST_SUITE_P(Kind, SharedAdapters, ::testing::ValuesIn(kinds()),
                         [](const auto& kind) { return name_of_kind(kind.param); });

}  // namespace
}  // namespace streamdiffusion

// Whole sessions on the cuda device without a card: models in f16, and autoencoders whose
// activations f16 does not hold.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <functional>

#include "backend/cuda/host/cuda_runtime.h"
#include "backend/cuda/host_device.h"
#include "base/error.h"
#include "models/autoencoder.h"
#include "models/count_parameters.h"
#include "session/session_impl.h"
#include "session/session_options.h"
#include "support/errors.h"
#include "support/tiny_model.h"
#include "weights/hash_weights.h"
#include "weights/safetensors.h"

namespace streamdiffusion::backend::cuda::test {
namespace {

using streamdiffusion::testing::expect_error;
using streamdiffusion::testing::TinyModel;
using ::testing::HasSubstr;

constexpr int kSide = 16;

class CudaSessions : public ::testing::Test {
 protected:
  CudaSessions() { cuda_on_host::set_order(cuda_on_host::Order::forward); }

  /// On the device without a card; on the reference for `record` null.
  static std::shared_ptr<Engine::Impl> open(const TinyModel& model, DataType dtype,
                                            HostRuntime::Record* record) {
    Engine::Impl::Extras extras;
    if (record != nullptr) extras.device = make_host_device(*record);
    return std::make_shared<Engine::Impl>(
        EngineOptions{.model = model.path(), .device = "ref", .dtype = dtype, .threads = 1},
        std::move(extras));
  }

  /// The latents of frames that move through a stream batch of two steps.
  static std::vector<float> draw(const std::shared_ptr<Engine::Impl>& engine) {
    const SessionOptions options{.width = kSide,
                                 .height = kSide,
                                 .t_index_list = {22, 45},
                                 .parallel = Parallel::ops,
                                 .keep_tensors = true};
    Session::Impl session(engine, session::with_defaults(engine->model, options));
    std::vector<float> latents;
    const auto take = [&] {
      for (const Output& output : session.pop_all()) {
        if (output.error) throw *output.error;
        latents.insert(latents.end(), output.latents.begin(), output.latents.end());
      }
    };
    for (int number = 0; number < 3; ++number) {
      Image image{kSide, kSide, {}};
      for (int i = 0; i < kSide * kSide * 3; ++i)
        image.rgb.push_back(static_cast<std::uint8_t>(i * (3 + number)));
      session.push(image);
      take();
    }
    session.flush();
    take();
    return latents;
  }

  static double distance(const std::vector<float>& a, const std::vector<float>& b) {
    EXPECT_EQ(a.size(), b.size());
    double difference = 0, square = 0;
    for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
      difference += std::pow(double{a[i]} - double{b[i]}, 2);
      square += double{b[i]} * double{b[i]};
    }
    return std::sqrt(difference / square);
  }
};

TEST_F(CudaSessions, DrawInF16WhatTheReferenceDraws) {
  const TinyModel model;
  const std::vector<float> expected = draw(open(model, DataType::f32, nullptr));
  HostRuntime::Record record, coarser;
  const auto engine = open(model, DataType::f16, &record);
  EXPECT_EQ(engine->dtype, tensor::DType::f16);
  const double f16 = distance(draw(engine), expected);
  const double bf16 = distance(draw(open(model, DataType::bf16, &coarser)), expected);
  EXPECT_GT(f16, 1e-5);  // it did round
  EXPECT_LT(f16, 2e-3);
  EXPECT_LT(f16, bf16 / 3);  // and to three bits more
  EXPECT_GT(record.replays, 0);
}

/// A frame's image, or noise alone.
void enter(Session::Impl& session, int number) {
  if (session.options().text_to_image) return session.generate();
  Image image{kSide, kSide, {}};
  for (int i = 0; i < kSide * kSide * 3; ++i)
    image.rgb.push_back(static_cast<std::uint8_t>(i * (3 + number)));
  session.push(image);
}

using Change = std::function<void(Session::Impl&)>;

/// The latents of six frames; before the fourth, the session is changed.
std::vector<float> latents_of(const std::shared_ptr<Engine::Impl>& engine,
                              const SessionOptions& options, const Change& change) {
  Session::Impl session(engine, session::with_defaults(engine->model, options));
  for (int number = 0; number < 6; ++number) {
    if (number == 3 && change) change(session);
    enter(session, number);
  }
  session.flush();
  std::vector<float> latents;
  for (const Output& output : session.pop_all()) {
    if (output.error) throw *output.error;
    latents.insert(latents.end(), output.latents.begin(), output.latents.end());
  }
  return latents;
}

/// On the card the stream batch is in its memory, on the reference device on the host.
TEST_F(CudaSessions, StreamsDrawWhatTheReferenceDraws) {
  const SessionOptions base{.width = kSide,
                            .height = kSide,
                            .t_index_list = {22, 45},
                            .cfg_type = CfgType::self,
                            .parallel = Parallel::ops,
                            .keep_tensors = true};
  const auto with = [&](const std::function<void(SessionOptions&)>& set) {
    SessionOptions options = base;
    set(options);
    return options;
  };
  const std::pair<SessionOptions, Change> cases[]{
      {base,
       [](auto& s) {
         s.set_prompts({{"red apple", 1.0F}}, Interpolation::linear);
       }},
      {with([](auto& o) { o.cfg_type = CfgType::initialize; }),
       [](auto& s) {
         s.set_seeds({{7, 1.0F}}, Interpolation::linear);
       }},
      {with([](auto& o) { o.cfg_type = CfgType::full, o.frame_buffer_size = 2; }),
       [](auto& s) { s.set_guidance_scale(2.5F); }},
      {with([](auto& o) { o.latent_feedback = 0.4F; }), [](auto& s) { s.set_latent_feedback(0); }},
      {with([](auto& o) {
         o.text_to_image = true, o.cfg_type = CfgType::none, o.t_index_list = {0, 22, 45};
       }),
       {}},
      {with([](auto& o) { o.use_cached_attn = true; }),
       [](auto& s) {
         s.set_t_index_list({10, 40});
       }},
      {with([](auto& o) { o.use_denoising_batch = false; }), {}},  // on the host everywhere
  };
  const TinyModel model;
  HostRuntime::Record record;
  const auto reference = open(model, DataType::f32, nullptr);
  const auto card = open(model, DataType::f32, &record);
  for (const auto& [options, change] : cases) {
    SCOPED_TRACE(&options - &cases[0].first);
    EXPECT_LT(distance(latents_of(card, options, change), latents_of(reference, options, change)),
              1e-4);
  }
}

/// Each call of the runtime fails once while a frame is drawn: that frame is lost with an error,
/// and the stream goes on.
TEST_F(CudaSessions, AStreamOutlivesACallThatFails) {
  const TinyModel model;
  HostRuntime::Record record;
  const auto engine = open(model, DataType::f32, &record);
  const SessionOptions options{.width = kSide, .height = kSide, .t_index_list = {32}};
  Session::Impl session(engine, session::with_defaults(engine->model, options));
  const auto draw = [&](std::uint64_t number) {
    Image image{kSide, kSide, std::vector<std::uint8_t>(std::size_t{kSide} * kSide * 3, 90)};
    session.push(image, session::FrameTag{number, {}});
    return session.pop_all().at(0);
  };
  std::uint64_t number = 0;
  for (int i = 0; i < 3; ++i) draw(number++);
  const Image expected = draw(number++).image;
  int failures = 0;
  for (int call = 1; call < 100; ++call) {
    record.fail_in = call;
    const Output output = draw(number++);
    const bool failed = output.error.has_value();
    if (failed) {
      EXPECT_EQ(output.error->code(), base::ErrorCode::internal);
    } else {
      EXPECT_EQ(output.image.rgb, expected.rgb);
    }
    record.fail_in = 0;
    EXPECT_EQ(draw(number++).image.rgb, expected.rgb) << call;
    if (!failed) break;
    ++failures;
  }
  EXPECT_GT(failures, 8);
  EXPECT_LT(failures, 40);
}

constexpr const char* kAutoencoder = R"({"_class_name": "AutoencoderKL",
  "block_out_channels": [8, 16], "norm_num_groups": 4, "scaling_factor": 1e-6,
  "down_block_types": ["DownEncoderBlock2D", "DownEncoderBlock2D"],
  "up_block_types": ["UpDecoderBlock2D", "UpDecoderBlock2D"])";

/// A model with an AutoencoderKL whose activations go into the millions. `upcast` is JSON.
void write_large_autoencoder(const TinyModel& model, const std::string& upcast) {
  constexpr float kGain = 1000;
  const std::string text =
      std::string(kAutoencoder) + (upcast.empty() ? "" : ", \"force_upcast\": " + upcast) + "}";
  model.write("vae/config.json", text);
  const auto config = models::autoencoder_config(json::Json::parse(text, "vae"));
  const models::ImageShape shape{.height = kSide, .width = kSide};
  std::vector<weights::TensorToWrite> tensors;
  std::vector<std::vector<float>> values;
  const std::vector<graph::Graph> graphs{models::build_encoder(config, shape),
                                         models::build_decoder(config, shape)};
  const std::vector<weights::TensorSpec> specs = models::required_tensors(graphs);
  for (const auto& spec : specs) {
    std::size_t count = 1;
    for (const std::int64_t dim : spec.dims) count *= static_cast<std::size_t>(dim);
    std::vector<float>& value = values.emplace_back(count);
    weights::HashWeights().read_f32(spec.name, spec.dims, value);
    for (float& number : value) number *= kGain;
  }
  for (std::size_t i = 0; i < specs.size(); ++i)
    tensors.push_back({specs[i].name, specs[i].dims, values[i]});
  weights::write_safetensors(
      std::filesystem::path(model.path()) / "vae/diffusion_pytorch_model.safetensors", tensors);
}

TEST_F(CudaSessions, AnAutoencoderThatF16DoesNotHoldRunsInBf16) {
  for (const char* upcast : {"true", ""}) {  // as diffusers, true where nothing is said
    SCOPED_TRACE(upcast);
    const TinyModel model;
    write_large_autoencoder(model, upcast);
    HostRuntime::Record record;
    const auto engine = open(model, DataType::f16, &record);
    const std::vector<float> latents = draw(engine);
    EXPECT_FALSE(latents.empty());
    for (const float value : latents) ASSERT_TRUE(std::isfinite(value));
  }
}

TEST_F(CudaSessions, OneThatSaysItFitsRunsInF16) {
  const TinyModel model;
  write_large_autoencoder(model, "false");  // which is not so
  HostRuntime::Record record;
  const auto engine = open(model, DataType::f16, &record);
  expect_error([&] { draw(engine); }, base::ErrorCode::numeric, {"the autoencoder's latents"});
}

TEST_F(CudaSessions, AWeightThatF16DoesNotHoldIsNamed) {
  const TinyModel model(1e6F);
  HostRuntime::Record record;
  const auto engine = open(model, DataType::f16, &record);
  expect_error([&] { draw(engine); }, base::ErrorCode::unsupported,
               {"the weight \"encoder.", "f16 ends at 65504", "expected dtype bf16 or f32"});
}

TEST_F(CudaSessions, TheCardChoosesTheTypeUnlessTheUserDoes) {
  const std::pair<const char*, tensor::DType> cards[]{
      {"NVIDIA GeForce RTX 3090, driver for CUDA 13.0", tensor::DType::f16},
      {"NVIDIA GeForce RTX 4090", tensor::DType::f16},
      {"NVIDIA GeForce RTX 5090", tensor::DType::f16},
      {"NVIDIA A100-SXM4-80GB", tensor::DType::bf16},
      {"NVIDIA H100 80GB HBM3", tensor::DType::bf16},
      {"NVIDIA H200", tensor::DType::bf16},
      {"NVIDIA RTX 6000 Ada Generation", tensor::DType::bf16},
  };
  for (const auto& [name, dtype] : cards) EXPECT_EQ(preferred_type(name), dtype) << name;
  const TinyModel model;
  HostRuntime::Record record;
  record.name = "NVIDIA GeForce RTX 4090";
  EXPECT_EQ(open(model, DataType::automatic, &record)->dtype, tensor::DType::f16);
  EXPECT_EQ(open(model, DataType::bf16, &record)->dtype, tensor::DType::bf16);
  record.name = "NVIDIA H200";
  EXPECT_EQ(open(model, DataType::automatic, &record)->dtype, tensor::DType::bf16);
}

}  // namespace
}  // namespace streamdiffusion::backend::cuda::test

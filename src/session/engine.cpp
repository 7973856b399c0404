// The public Engine: opens a model and makes its sessions.
#include "streamdiffusion/engine.h"

#include <algorithm>

#include "backend/peak.h"
#include "base/cpu_count.h"
#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/user_cache.h"
#include "params/seed.h"
#include "session/batching.h"
#include "session/calibrate.h"
#include "session/card_frames.h"
#include "session/choose_device.h"
#include "session/choose_dtype.h"
#include "session/choose_recipe.h"
#include "session/choose_threads.h"
#include "session/controls.h"
#include "session/costs.h"
#include "session/engine_impl.h"
#include "session/image_prompts.h"
#include "session/latent_space.h"
#include "session/memory_need.h"
#include "session/session_impl.h"
#include "session/session_options.h"

namespace streamdiffusion {
namespace {

/// Appends what an executable reports.
void append_ops(const backend::Executable& executable, const std::string& stage,
                std::vector<OpInfo>& out) {
  for (const backend::OpReport& op : executable.report()) {
    OpInfo info{
        stage,    op.name,    op.kind, op.implementation, graph::to_string(op.lifetime), op.flops,
        op.bytes, op.seconds, {}};
    for (const backend::WorkerSpan& span : op.spans)
      info.spans.push_back({span.thread, span.begin, span.end});
    out.push_back(std::move(info));
  }
}

/// Where a device keeps what it compiled.
std::string cache_folder(const EngineOptions& options) {
  const auto folder = options.cache ? base::user_cache_folder() : std::nullopt;
  return folder ? (*folder / "cuda").string() : "";
}

std::unique_ptr<backend::Device> make_device(const EngineOptions& options,
                                             bool collect_activation_stats) {
  return backend::make_device(
      session::choose_device(options),
      {.threads = session::choose_threads(options.threads, base::usable_cores()),
       .profile = options.profile,
       .collect_activation_stats = collect_activation_stats,
       .max_isa = options.max_isa,
       .cache_folder = cache_folder(options),
       .tune = options.tune});
}

/// "bf16", "int8 and bf16", or "f16 and bf16": the type of the autoencoder, if it has another one.
std::string types_of(const session::Model& model, tensor::DType dtype, bool int8) {
  const tensor::DType autoencoder = model.autoencoder_type(dtype);
  std::string text = base::concat(int8 ? "int8 and " : "", tensor::to_string(dtype));
  if (autoencoder != dtype) text += base::concat(" and ", tensor::to_string(autoencoder));
  return text;
}

}  // namespace

Engine::Impl::Impl(const EngineOptions& options, Extras extras)
    : model(session::Model::open(options)),
      live_sessions(options.max_live_sessions),
      turns(std::move(extras.clock), extras.grace),
      device(extras.device ? std::move(extras.device)
                           : make_device(options, extras.collect_activation_stats)),
      dtype(session::choose_dtype(options.dtype, *device)),
      calibration(std::move(extras.calibration)),
      releases_text_encoders(
          session::releases_text_encoders(model, *device, dtype, options.text_encoders)),
      executables(model, *device, dtype, calibration ? &*calibration : nullptr,
                  std::move(extras.build_unet)),
      row_pools(executables, turns, session::batching(options.batching, *device)),
      prompts(model, executables, releases_text_encoders),
      images(model, executables),
      own_autoencoder_(options.vae.empty()) {}

std::string Engine::Impl::smaller_autoencoder() const {
  const std::string& name = model.recipe()->autoencoder;
  const bool fits = session::is_tiny_of_sdxl(name) == (model.pooled_width() > 0);
  return own_autoencoder_ && model.large_autoencoder() && fits ? name : std::string();
}

void Engine::Impl::tell_recipe(const SessionOptions& used) {
  if (!model.recipe()) return;
  std::call_once(told_recipe_, [&] {
    SessionOptions acting = used;
    if (used.cfg_type == CfgType::none && !model.guidance_embedding()) acting.guidance_scale = {};
    base::log(base::LogLevel::notice,
              session::recipe_message(model.recipe(), acting, smaller_autoencoder()));
  });
}

Engine::Engine(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
Engine::Engine(const Engine&) = default;
Engine::Engine(Engine&&) noexcept = default;
Engine& Engine::operator=(const Engine&) = default;
Engine& Engine::operator=(Engine&&) noexcept = default;
Engine::~Engine() = default;

Engine Engine::open(const EngineOptions& options) {
  session::warn_of_threads(options.threads, base::usable_cores());
  Impl::Extras extras;
  if (options.dtype == DataType::int8) extras.calibration = session::calibration_for(options);
  auto impl = std::make_shared<Impl>(options, std::move(extras));
  const std::string message = session::left_out_recipe(options, impl->model.recipe());
  if (!message.empty()) base::log(base::LogLevel::notice, message);
  for (const std::string& note : impl->model.notes()) base::log(base::LogLevel::notice, note);
  return Engine(std::move(impl));
}

Calibration Engine::calibrate(const EngineOptions& options, std::span<const Image> frames,
                              const std::string& file) {
  const auto cached = session::calibration_cache_file(options);
  base::require(!file.empty() || cached, ErrorCode::invalid_argument,
                "there is no home for a cache; expected a file to write to");
  session::CalibrationTable found;
  Calibration result = session::calibrate(options, frames, found);
  result.file = file.empty() ? cached->string() : file;
  session::write_calibration(found, result.file);
  return result;
}

Engine Engine::group(std::uint64_t number) const {
  Engine handle = *this;
  handle.group_ = number;
  return handle;
}

Engine Engine::equal_rates() const {
  Engine handle = *this;
  handle.equal_rates_ = true;
  return handle;
}

Session Engine::session(const SessionOptions& options, std::stop_token stop) {
  SessionOptions full = with_defaults(options);
  full.seed = params::resolved_seed(full.seed);
  session::check_options(impl_->model, full);
  session::require_memory(impl_->model, *impl_->device, impl_->dtype,
                          impl_->calibration.has_value(), full, base::total_memory());
  session::report_memory(memory_need(full), impl_->device->weight_bytes());
  impl_->tell_recipe(full);
  return Session(std::make_unique<Session::Impl>(impl_, full, std::move(stop),
                                                 SessionTurns{group_, equal_rates_}));
}

void Engine::check(const SessionOptions& options) const {
  session::check_options(impl_->model, with_defaults(options));
}

std::shared_ptr<const void> Engine::encode_prompt(const std::string& prompt,
                                                  const std::vector<float>& lora_scales) {
  return impl_->prompts.encode(prompt,
                               lora_scales.empty() ? impl_->model.lora_scales() : lora_scales);
}

std::shared_ptr<const void> Engine::prepare_lora_scales(const SessionOptions& options,
                                                        std::stop_token stop) {
  const SessionOptions full = with_defaults(options);
  session::check_options(impl_->model, full);
  // A session without a negative prompt encodes what stands for it anew.
  session::Embedding no_negative = impl_->prompts.no_negative(full.lora_scales);
  return std::make_shared<std::pair<session::SharedExecutable, session::Embedding>>(
      impl_->executables.unet(session::unet_key(full), stop), std::move(no_negative));
}

std::shared_ptr<const void> Engine::prepare_control_settings(const SessionOptions& options,
                                                             std::stop_token stop) {
  const SessionOptions full = with_defaults(options);
  session::check_options(impl_->model, full);
  auto prepared = std::make_shared<std::vector<session::SharedExecutable>>();
  for (const int net : session::enabled_controlnets(full)) {
    prepared->push_back(
        impl_->executables.control_embedding(net, session::autoencoder_key(full), stop));
  }
  prepared->push_back(impl_->executables.unet(session::unet_key(full), stop));
  return prepared;
}

std::shared_ptr<const void> Engine::prepare_image_prompts(const SessionOptions& options,
                                                          std::stop_token stop) {
  const SessionOptions full = with_defaults(options);
  session::check_options(impl_->model, full);
  if (!session::are_known(impl_->images, full)) {
    session::require_memory(impl_->model, *impl_->device, impl_->dtype,
                            impl_->calibration.has_value(), full, base::total_memory());
  }
  const session::UNetKey key = session::unet_key(full);
  struct Prepared {
    std::vector<session::SharedExecutable> programs;
    session::ImagePrompts prompts;  // keeps their tokens known
  };
  auto prepared = std::make_shared<Prepared>(Prepared{{}, {impl_->model, key.prompts}});
  for (std::size_t i = 0; i < full.image_prompts.size(); ++i) {
    const ImagePrompt& prompt = full.image_prompts[i];
    if (!prompt.enabled || !prompt.follow_input) continue;
    prepared->programs.push_back(impl_->executables.image_encoder(static_cast<int>(i), stop));
  }
  prepared->prompts.set(impl_->images, full, stop);
  prepared->programs.push_back(impl_->executables.unet(key, stop));
  return prepared;
}

std::vector<std::string> Engine::prompt_warnings(const std::string& prompt) const {
  return impl_->model.tokenize(prompt).warnings;
}

SessionOptions Engine::with_defaults(const SessionOptions& options) const {
  return session::with_defaults(impl_->model, options);
}

HostFrame Engine::download(const FrameView& on_card) const {
  return session::download(*impl_->device, on_card);
}
void Engine::upload(ImageView image, const FrameTarget& on_card) const {
  session::upload(*impl_->device, image, on_card);
}

EngineInfo Engine::info() const {
  std::vector<DeviceDetail> details;
  for (const backend::Detail& detail : impl_->device->details())
    details.push_back({detail.name, detail.value});
  return {.model = impl_->model.name(),
          .folder = impl_->model.folder(),
          .recipe = impl_->model.recipe().name,
          .device = impl_->device->description(),
          .device_details = std::move(details),
          .dtype = types_of(impl_->model, impl_->dtype, impl_->calibration.has_value()),
          .parameters = static_cast<std::size_t>(impl_->model.parameters()),
          .weight_bytes = impl_->device->weight_bytes(),
          .vocabulary_size = impl_->model.token_count(),
          .latent_channels = impl_->model.latent_channels(),
          .latent_factor = impl_->model.factor(),
          .unet_levels = impl_->model.unet_levels(),
          .loras = impl_->model.loras(),
          .controlnets = impl_->model.controlnets(),
          .ip_adapters = impl_->model.ip_adapters(),
          .size_conditioning = impl_->model.pooled_width() > 0,
          .image_layers = impl_->model.knows_image_layers(),
          .guidance_embedding = impl_->model.guidance_embedding(),
          .batching_rows = impl_->row_pools.batching().max_rows,
          .batching_measures = impl_->row_pools.batching().measures};
}

MemoryNeed Engine::memory_need(const SessionOptions& options) const {
  const SessionOptions full = with_defaults(options);
  session::check_options(impl_->model, full);
  MemoryNeed need = session::memory_need(impl_->model, *impl_->device, impl_->dtype, full);
  need.releases_text_encoders = impl_->releases_text_encoders;
  if (impl_->row_pools.takes(session::unet_key(full))) {
    need.shared_calls =
        session::shared_call_bytes(impl_->model, impl_->dtype, full,
                                   session::RowPool::sizes(impl_->row_pools.batching().max_rows));
  }
  return need;
}

std::string Engine::why_alone(const SessionOptions& options) const {
  const SessionOptions full = with_defaults(options);
  session::check_options(impl_->model, full);
  return impl_->row_pools.why_alone(session::unet_key(full));
}

FrameCost Engine::frame_cost(const SessionOptions& options) const {
  const SessionOptions full = with_defaults(options);
  session::check_options(impl_->model, full);
  return session::frame_cost(impl_->model, impl_->dtype, full);
}

std::vector<ControlNetCost> Engine::controlnet_costs(const SessionOptions& options) const {
  const SessionOptions full = with_defaults(options);
  session::check_options(impl_->model, full);
  return session::control_costs(impl_->model, *impl_->device, impl_->dtype, full);
}

std::vector<IpAdapterCost> Engine::ip_adapter_costs(const SessionOptions& options) const {
  const SessionOptions full = with_defaults(options);
  session::check_options(impl_->model, full);
  return session::ip_adapter_costs(impl_->model, *impl_->device, impl_->dtype, full);
}

std::string Engine::sample_prompt() const {
  return impl_->model.sample_prompt();
}
std::string Engine::sample_negative_prompt() const {
  return impl_->model.sample_negative_prompt();
}

std::vector<OpInfo> Engine::ops(const Session& session) const {
  std::vector<OpInfo> ops;
  for (std::size_t i = 0; !impl_->releases_text_encoders && i < impl_->model.text_encoders().size();
       ++i)
    append_ops(*impl_->executables.text(i, impl_->model.lora_scales()), "text", ops);
  session.impl_->for_each_executable(
      [&](const std::string& stage, const backend::Executable& executable) {
        append_ops(executable, stage, ops);
      });
  return ops;
}

SharedCalls Engine::shared_calls() const {
  const session::RowPoolStats& stats = impl_->row_pools.stats();
  return {stats.calls, stats.rows, stats.sessions, stats.empty_seats, stats.calls_alone};
}

std::size_t Engine::arena_bytes(const Session& session) const {
  std::size_t total = 0;
  session.impl_->for_each_executable(
      [&](const std::string&, const backend::Executable& e) { total += e.arena_bytes(); });
  return total;
}

std::size_t Engine::state_bytes(const Session& session) const {
  std::size_t total = 0;
  session.impl_->for_each_executable(
      [&](const std::string&, const backend::Executable& e) { total += e.state_bytes(); });
  return total;
}

std::optional<double> Engine::energy_joules() const {
  return impl_->device->energy_joules();
}

double Engine::measure_peak() {
  return backend::measure_peak(*impl_->device, impl_->dtype, impl_->calibration.has_value());
}

}  // namespace streamdiffusion

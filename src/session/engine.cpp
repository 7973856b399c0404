#include "streamdiffusion/engine.h"

#include <algorithm>

#include "base/clock.h"
#include "base/error.h"
#include "graph/builder.h"
#include "session/engine_impl.h"
#include "session/session_impl.h"
#include "session/session_options.h"

namespace streamdiffusion {
namespace {

tensor::DType choose_dtype(DataType wanted, const backend::Device& device) {
  if (wanted == DataType::automatic) return device.preferred_dtype();
  const auto dtype = wanted == DataType::f32 ? tensor::DType::f32 : tensor::DType::bf16;
  base::require(device.supports(dtype), base::ErrorCode::unsupported, "dtype ",
                tensor::to_string(dtype), ": this device (", device.description(),
                ") has no such arithmetic, expected f32 or auto");
  return dtype;
}

/// Appends what an executable reports, once a name: lanes run the same ops side by side.
void append_operations(const backend::Executable& executable, const std::string& stage,
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

/// GFLOP/s of one large convolution.
double convolution_rate(backend::Device& device, tensor::DType dtype, std::int64_t side,
                        std::int64_t channels) {
  graph::Builder builder(dtype);
  const graph::Value x =
      builder.input("x", {{1, side, side, channels}, dtype}, graph::Lifetime::per_frame);
  builder.output("y", builder.conv2d(x, graph::Name("ceiling"), {.out = channels}));
  graph::Graph graph = builder.finish();
  const double flops = graph.flops(graph.ops.front());
  const auto executable = device.compile(
      {std::move(graph)}, {"ceiling", [](const graph::Weight&, std::span<float> out) {
                             std::fill(out.begin(), out.end(), 0.01F);
                           }});
  const auto state = executable->make_state();
  double best = 0;
  for (int i = 0; i < 12; ++i) {
    const auto start = base::Clock::now();
    executable->run(graph::Lifetime::per_frame, *state);
    best = std::max(best, flops * 1e-9 / base::seconds_since(start));
  }
  return best;
}

}  // namespace

Engine::Impl::Impl(const EngineOptions& options)
    : model(session::Model::open(options)),
      seats(options.max_live_sessions),
      device(backend::make_device(
          options.device,
          {.threads = options.threads, .profile = options.profile, .max_isa = options.max_isa})),
      dtype(choose_dtype(options.dtype, *device)),
      plans(model, *device, dtype),
      prompts(model, plans) {}

Engine::Engine(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
Engine::Engine(const Engine&) = default;
Engine::Engine(Engine&&) noexcept = default;
Engine& Engine::operator=(const Engine&) = default;
Engine& Engine::operator=(Engine&&) noexcept = default;
Engine::~Engine() = default;

Engine Engine::open(const EngineOptions& options) {
  return Engine(std::make_shared<Impl>(options));
}

Session Engine::session(const SessionOptions& options) {
  return Session(std::make_unique<Session::Impl>(impl_, with_defaults(options)));
}

void Engine::check(const SessionOptions& options) const {
  session::check_options(impl_->model, with_defaults(options));
}

void Engine::encode_prompt(const std::string& prompt) {
  impl_->prompts.encode(prompt);
}

SessionOptions Engine::with_defaults(const SessionOptions& options) const {
  const SessionOptions& model = impl_->model.defaults();
  SessionOptions o = options;
  o.width = o.width ? o.width : model.width.value_or(512);
  o.height = o.height ? o.height : model.height.value_or(512);
  if (o.t_index_list.empty()) o.t_index_list = model.t_index_list;
  if (o.t_index_list.empty()) o.t_index_list = {32, 45};
  if (o.text_to_image && !o.cfg_type && model.cfg_type != CfgType::full) o.cfg_type = CfgType::none;
  o.num_inference_steps =
      o.num_inference_steps ? o.num_inference_steps : model.num_inference_steps.value_or(50);
  if (o.text_to_image &&
      options.t_index_list.empty()) {  // from noise, the whole schedule in as many steps
    o.t_index_list = schedule::t_index_list_for(1.0F, static_cast<int>(o.t_index_list.size()),
                                                *o.num_inference_steps);
  }
  o.cfg_type = o.cfg_type ? o.cfg_type : model.cfg_type.value_or(CfgType::self);
  o.guidance_scale = o.guidance_scale ? o.guidance_scale : model.guidance_scale.value_or(1.2F);
  o.delta = o.delta ? o.delta : model.delta.value_or(1.0F);
  return o;
}

EngineInfo Engine::info() const {
  return {.model = impl_->model.name(),
          .device = impl_->device->description(),
          .dtype = tensor::to_string(impl_->dtype),
          .parameters = static_cast<std::size_t>(impl_->model.parameters()),
          .weight_bytes = impl_->device->weight_bytes(),
          .tokens = impl_->model.token_count(),
          .latent_channels = impl_->model.latent_channels(),
          .latent_factor = impl_->model.factor()};
}

const KnownWords& Engine::known_words() const {
  return impl_->model.known_words();
}
std::string Engine::sample_prompt() const {
  return impl_->model.sample_prompt();
}
std::string Engine::sample_negative_prompt() const {
  return impl_->model.sample_negative_prompt();
}

std::vector<OpInfo> Engine::operations(const Session& session) const {
  std::vector<OpInfo> operations;
  append_operations(*impl_->plans.text(), "text", operations);
  session.impl_->for_each_plan(
      [&](const std::string& stage, const backend::Executable& executable) {
        append_operations(executable, stage, operations);
      });
  return operations;
}

std::size_t Engine::arena_bytes(const Session& session) const {
  std::size_t total = 0;
  session.impl_->for_each_plan(
      [&](const std::string&, const backend::Executable& e) { total += e.arena_bytes(); });
  return total;
}

std::size_t Engine::state_bytes(const Session& session) const {
  std::size_t total = 0;
  session.impl_->for_each_plan(
      [&](const std::string&, const backend::Executable& e) { total += e.state_bytes(); });
  return total;
}

double Engine::measure_ceiling() {
  return std::max(convolution_rate(*impl_->device, impl_->dtype, 32, 640),
                  convolution_rate(*impl_->device, impl_->dtype, 16, 1280));
}

}  // namespace streamdiffusion

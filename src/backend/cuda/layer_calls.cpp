#include "backend/cuda/layer_calls.h"

#include <algorithm>
#include <limits>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"

namespace streamdiffusion::backend::cuda {
namespace {

/// Calls that are timed for a shape.
constexpr std::size_t kCandidates = 8;

using Calls = std::vector<std::unique_ptr<LayerCall>>;

std::size_t workspace_of(const Calls& calls) {
  std::size_t bytes = 0;
  for (const auto& call : calls) bytes = std::max(bytes, call->workspace_bytes());
  return bytes;
}

/// The place of the fastest call. One that fails is left out; if all do, throws what the last did.
std::size_t fastest(LayerTimer& timer, const Calls& calls) {
  std::size_t best = calls.size();
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < calls.size(); ++i) {
    try {
      const double seconds =
          timer.seconds([&](const LayerOperands& operands) { calls[i]->run(operands); });
      if (seconds >= least) continue;
      least = seconds;
      best = i;
    } catch (const base::Error&) {
      if (i + 1 == calls.size() && best == calls.size()) throw;
    }
  }
  return best;
}

std::string text_of(const ConvolutionShape& s) {
  return base::concat("convolution ", to_string(s.x), " to ", to_string(s.y), " kernel ",
                      s.op.kernel, " stride ", s.op.stride, " pads ", s.op.pad_begin, ' ',
                      s.op.pad_end, s.form.transposed ? " transposed" : "",
                      s.form.bias ? " bias" : "", s.form.residual ? " residual" : "",
                      s.form.relu ? " relu" : "", ' ', tensor::to_string(s.dtype));
}

std::string text_of(const GemmShape& s) {
  return base::concat(
      "product ", s.tokens, ' ', s.in, ' ', s.out, s.bias ? " bias" : "",
      s.residual ? " residual" : "", s.relu ? " relu" : "", ' ', tensor::to_string(s.dtype), ' ',
      tensor::to_string(s.output_dtype),
      s.products > 1 ? base::concat(" times ", s.products, " at ", s.y_stride) : "");
}

}  // namespace

std::unique_ptr<LayerCall> LayerCalls::convolution(const ConvolutionShape& shape) {
  return choose(
      {.key = key_of(text_of(shape)),
       .bytes = bytes_of(shape),
       .propose = [&](std::size_t most) { return libraries_.convolutions(shape, most); },
       .restore = [&](const std::string& text) { return libraries_.convolution(shape, text); }});
}

std::unique_ptr<LayerCall> LayerCalls::gemm(const GemmShape& shape) {
  return choose({.key = key_of(text_of(shape)),
                 .bytes = bytes_of(shape),
                 .propose = [&](std::size_t most) { return libraries_.gemms(shape, most); },
                 .restore = [&](const std::string& text) { return libraries_.gemm(shape, text); }});
}

std::unique_ptr<LayerCall> LayerCalls::choose(const Layer& layer) {
  const std::lock_guard lock(mutex_);
  if (std::unique_ptr<LayerCall> call = kept(layer)) return call;
  return tune_ ? tuned(layer) : std::move(layer.propose(1).front());
}

std::unique_ptr<LayerCall> LayerCalls::kept(const Layer& layer) {
  const auto [entry, added] = known_.try_emplace(layer.key);
  std::optional<std::string>& text = entry->second;
  if (added) text = cache_.find(layer.key);
  if (!text) return nullptr;
  if (std::unique_ptr<LayerCall> call = layer.restore(*text)) return call;
  cache_.drop(layer.key, "the library refuses it");
  text.reset();
  return nullptr;
}

std::unique_ptr<LayerCall> LayerCalls::tuned(const Layer& layer) {
  Calls calls = layer.propose(kCandidates);
  const auto start = base::Clock::now();
  LayerBytes bytes = layer.bytes;
  bytes.workspace = workspace_of(calls);
  std::size_t best = 0;
  try {
    LayerTimer timer(runtime_, bytes);
    best = fastest(timer, calls);
  } catch (const base::Error& error) {
    if (error.code() != base::ErrorCode::busy) throw;
    base::warn("a layer is not tuned: ", error.what());
    return std::move(calls.front());
  }
  ++timed_;
  seconds_ += base::seconds_since(start);
  keep(layer, *calls[best]);
  return std::move(calls[best]);
}

void LayerCalls::keep(const Layer& layer, const LayerCall& call) {
  known_[layer.key] = call.text();
  cache_.keep(layer.key, call.text());
}

void LayerCalls::report_tuning() {
  const std::lock_guard lock(mutex_);
  if (timed_ == 0) return;
  base::log(base::LogLevel::notice,
            base::concat("timed the kernels for ", timed_, " shapes of layers in ",
                         static_cast<int>(seconds_ + 0.5), " s",
                         cache_.keeps() ? "; the fastest are kept for the next start" : ""));
  timed_ = 0;
  seconds_ = 0;
}

std::string LayerCalls::key_of(const std::string& shape) const {
  return base::concat(libraries_.description(), ", ", runtime_.description(), ", ", shape);
}

}  // namespace streamdiffusion::backend::cuda

#include "installed_models.h"

#include <utility>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/size_text.h"
#include "hub/cache.h"
#include "hub/installed.h"
#include "model_files/check_configs.h"
#include "model_files/tiny_autoencoder.h"
#include "model_use.h"
#include "server/engine_stream_factory.h"

namespace streamdiffusion::app {
namespace {

namespace fs = std::filesystem;

/// Whether a snapshot is a whole pipeline that can be opened.
bool is_usable(const fs::path& path) {
  std::error_code ignored;
  if (!fs::exists(path / "model_index.json", ignored)) return false;
  if (!hub::missing_files(path).empty()) return false;
  try {
    model_files::check_configs(path);
    return true;
  } catch (const Error&) {
    return false;
  }
}

/// A server needs no cache: without a home there is none.
std::vector<hub::InstalledModel> installed() {
  try {
    return hub::list_installed(hub::read_settings()).models;
  } catch (const Error& error) {
    base::log(base::LogLevel::notice, base::concat("no other models: ", error.what()));
    return {};
  }
}

/// The tiny autoencoder in the cache that fits the model; empty if there is none.
std::string tiny_in_cache(const fs::path& model) {
  const std::string id = model_files::tiny_autoencoder_for(model).id;
  if (id.empty()) return {};
  const hub::Found found = hub::find_in_cache(hub::read_settings(), {.id = id});
  return found.complete() ? found.path.string() : "";
}

void check_model_within(const SessionOptions& start, const server::Limits& limits) {
  const bool fits = *start.width <= limits.side && *start.height <= limits.side &&
                    start.t_index_list.size() <= static_cast<std::size_t>(limits.steps);
  base::require(fits, ErrorCode::invalid_argument, "the model starts with images of ", *start.width,
                " x ", *start.height, " in ", start.t_index_list.size(),
                " steps, and this server allows ", limits.side, " and ", limits.steps);
}

void check_memory(const Engine& engine, const SessionOptions& options) {
  const auto available = base::available_memory();
  const std::size_t need = engine.memory_need(options).total();
  base::require(!available || need <= *available, ErrorCode::busy, "the model needs ",
                base::size_text(need), " of memory, and ", base::size_text(available.value_or(0)),
                " are available");
}

}  // namespace

InstalledModels::InstalledModels(EngineOptions options, const server::Limits& limits)
    : options_(std::move(options)), limits_(limits) {
  for (auto* own : {&options_.model, &options_.vae, &options_.unet, &options_.text_encoder,
                    &options_.text_encoder_2, &options_.recipe, &options_.random_weights,
                    &options_.calibration}) {
    own->clear();
  }
  options_.lora_dict.clear();
  options_.controlnets.clear();
  options_.ip_adapters.clear();
  if (limits.models < 2) return;
  for (const hub::InstalledModel& model : installed()) {
    if (!model.problem.empty() || !is_usable(model.path)) continue;
    entries_.push_back({model.name, model.bytes});
    paths_[model.name] = model.path;
  }
}

std::shared_ptr<server::StreamFactory> InstalledModels::open(const std::string& name,
                                                             std::stop_token /*stop*/) {
  EngineOptions options = options_;
  options.model = paths_.at(name).string();
  options.vae = tiny_in_cache(options.model);
  const Engine engine = Engine::open(options);
  const SessionOptions start = engine.with_defaults({});
  check_model_within(start, limits_);
  check_memory(engine, start);
  base::log(base::LogLevel::notice, base::concat("opened ", name, " for a stream"));
  return std::make_shared<server::EngineStreamFactory>(engine, LiveSettings{}, limits_, name);
}

}  // namespace streamdiffusion::app

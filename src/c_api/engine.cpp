#include "c_api/engine.h"

#include <dlfcn.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/log.h"
#include "c_api/call.h"
#include "live/named_parameters.h"
#include "model_files/model_files.h"
#include "weights/included_model.h"

namespace streamdiffusion::c_api {
namespace {

/// Of the file that this code was loaded from.
std::filesystem::path library_folder() {
  Dl_info info{};
  const bool found = ::dladdr(reinterpret_cast<const void*>(&streamdiffusion_version), &info) != 0;
  return found ? std::filesystem::path(info.dli_fname).parent_path() : std::filesystem::path();
}

std::string included_model() {
  if (const char* models = std::getenv("STREAMDIFFUSION_MODELS"))
    return (std::filesystem::path(models) / "pictogram").string();
  const std::string model = weights::included_model(library_folder());
  base::require(!model.empty(), ErrorCode::not_found,
                "no \"model\" is named, and the included one is not beside the library; expected "
                "\"model\", or $STREAMDIFFUSION_MODELS");
  return model;
}

nlohmann::json describe(const EngineInfo& info) {
  nlohmann::json loras = nlohmann::json::array();
  for (const Lora& lora : info.loras) loras.push_back(lora.file);
  nlohmann::json controlnets = nlohmann::json::array();
  for (const ControlNet& net : info.controlnets) controlnets.push_back(net.model);
  nlohmann::json adapters = nlohmann::json::array();
  for (const IpAdapter& adapter : info.ip_adapters) adapters.push_back(adapter.file);
  return {{"model", info.model},
          {"folder", info.folder},
          {"device", info.device},
          {"dtype", info.dtype},
          {"parameters", info.parameters},
          {"weight_bytes", info.weight_bytes},
          {"latent_factor", info.latent_factor},
          {"loras", loras},
          {"controlnets", controlnets},
          {"ipadapters", adapters}};
}

/// Tells the caller of each download, and the log once.
class Downloads {
 public:
  Downloads(streamdiffusion_download_progress progress, void* user)
      : progress_(progress), user_(user) {}

  model_files::DownloadEvents events() {
    return {.progress = [this](const std::string& name,
                               const hub::PullProgress& now) { show(name, now); },
            .stopped = [this] { return stopped_; }};
  }

 private:
  void show(const std::string& name, const hub::PullProgress& now) {
    if (now.received > 0 && name != logged_) {
      logged_ = name;
      base::log(base::LogLevel::notice,
                base::concat("downloading ", name, ", ", now.total_bytes, " bytes"));
    }
    if (progress_ != nullptr && progress_(name.c_str(), now.bytes, now.total_bytes, user_) != 0)
      stopped_ = true;
  }

  streamdiffusion_download_progress progress_;
  void* user_;
  bool stopped_ = false;
  std::string logged_;
};

EngineOptions options_of(const char* parameters, Downloads& downloads) {
  EngineOptions options = live::read_engine_parameters(parameters).engine;
  if (options.model.empty() && options.random_weights.empty()) options.model = included_model();
  return model_files::with_files(std::move(options), downloads.events());
}

}  // namespace
}  // namespace streamdiffusion::c_api

using namespace streamdiffusion::c_api;

streamdiffusion_status streamdiffusion_engine_open(const char* parameters,
                                                   streamdiffusion_engine** engine,
                                                   streamdiffusion_error** error) {
  return streamdiffusion_engine_open_with_progress(parameters, nullptr, nullptr, engine, error);
}

streamdiffusion_status streamdiffusion_engine_open_with_progress(
    const char* parameters, streamdiffusion_download_progress progress, void* user,
    streamdiffusion_engine** engine, streamdiffusion_error** error) {
  return call(error, [&] {
    require_given(engine, "engine");
    *engine = nullptr;
    require_own_process();
    Downloads downloads(progress, user);
    *engine = new streamdiffusion_engine{
        streamdiffusion::Engine::open(options_of(parameters, downloads))};
    claim_process();
    return STREAMDIFFUSION_OK;
  });
}

void streamdiffusion_engine_free(streamdiffusion_engine* engine) {
  call(nullptr, [&] {
    if (in_own_process()) delete engine;
    return STREAMDIFFUSION_OK;
  });
}

streamdiffusion_status streamdiffusion_engine_info(const streamdiffusion_engine* engine,
                                                   char** json, streamdiffusion_error** error) {
  return call(error, [&] {
    require_handle(engine, "engine");
    require_given(json, "json");
    *json = new_text(describe(engine->engine.info()).dump());
    return STREAMDIFFUSION_OK;
  });
}

streamdiffusion_status streamdiffusion_engine_parameters(const streamdiffusion_engine* engine,
                                                         char** schema,
                                                         streamdiffusion_error** error) {
  return call(error, [&] {
    require_handle(engine, "engine");
    require_given(schema, "schema");
    *schema = new_text(streamdiffusion::live::NamedParameters(engine->engine).schema());
    return STREAMDIFFUSION_OK;
  });
}

#include "c_api/engine.h"

#include <dlfcn.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "c_api/call.h"
#include "live/named_parameters.h"
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

}  // namespace
}  // namespace streamdiffusion::c_api

using namespace streamdiffusion::c_api;

streamdiffusion_status streamdiffusion_engine_open(const char* parameters,
                                                   streamdiffusion_engine** engine,
                                                   streamdiffusion_error** error) {
  return call(error, [&] {
    require_given(engine, "engine");
    *engine = nullptr;
    streamdiffusion::EngineOptions options =
        streamdiffusion::live::read_engine_parameters(parameters).engine;
    if (options.model.empty() && options.random_weights.empty()) options.model = included_model();
    *engine = new streamdiffusion_engine{streamdiffusion::Engine::open(options)};
    return STREAMDIFFUSION_OK;
  });
}

void streamdiffusion_engine_free(streamdiffusion_engine* engine) {
  call(nullptr, [&] {
    delete engine;
    return STREAMDIFFUSION_OK;
  });
}

streamdiffusion_status streamdiffusion_engine_info(const streamdiffusion_engine* engine,
                                                   char** json, streamdiffusion_error** error) {
  return call(error, [&] {
    require_given(engine, "engine");
    require_given(json, "json");
    *json = new_text(describe(engine->engine.info()).dump());
    return STREAMDIFFUSION_OK;
  });
}

streamdiffusion_status streamdiffusion_engine_parameters(const streamdiffusion_engine* engine,
                                                         char** schema,
                                                         streamdiffusion_error** error) {
  return call(error, [&] {
    require_given(engine, "engine");
    require_given(schema, "schema");
    *schema = new_text(streamdiffusion::live::NamedParameters(engine->engine).schema());
    return STREAMDIFFUSION_OK;
  });
}

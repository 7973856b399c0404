#include "engines.h"

#include <dlfcn.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <mutex>

#include "base/error.h"
#include "live/named_parameters.h"
#include "weights/included_model.h"

namespace streamdiffusion::gst {
namespace {

std::string included_model() {
  if (const char* models = std::getenv("STREAMDIFFUSION_MODELS")) {
    return (std::filesystem::path(models) / "pictogram").string();
  }
  Dl_info info{};
  const bool found = ::dladdr(reinterpret_cast<const void*>(&shared_engine), &info) != 0;
  const std::filesystem::path file = found ? info.dli_fname : "";
  if (const std::string model = weights::included_model(file.parent_path()); !model.empty())
    return model;
  base::fail(ErrorCode::not_found,
             "the property model is not set, and the included one is not beside the plugin; "
             "expected model, or $STREAMDIFFUSION_MODELS");
}

}  // namespace

std::shared_ptr<const Engine> shared_engine(const std::string& parameters) {
  static std::mutex mutex;
  static std::map<std::string, std::weak_ptr<const Engine>> engines;
  const std::lock_guard lock(mutex);
  std::weak_ptr<const Engine>& known = engines[parameters];
  if (auto engine = known.lock()) return engine;
  EngineOptions options = live::read_engine_parameters(parameters.c_str()).engine;
  if (options.model.empty() && options.random_weights.empty()) options.model = included_model();
  auto engine = std::make_shared<const Engine>(Engine::open(options));
  known = engine;
  return engine;
}

}  // namespace streamdiffusion::gst

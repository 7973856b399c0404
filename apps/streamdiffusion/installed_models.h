// The models of the hub's cache, for the streams of a server. Nothing is downloaded.
#pragma once

#include <filesystem>
#include <map>

#include "server/loaded_models.h"
#include "server/options.h"
#include "streamdiffusion/options.h"

namespace streamdiffusion::app {

class InstalledModels : public server::ModelCatalog {
 public:
  /// Lists the pipelines in the cache that can be opened. A model is opened with the device, type
  /// and threads of `options`, its recipe's settings, and the tiny autoencoder that fits it, where
  /// that is in the cache.
  InstalledModels(EngineOptions options, const server::Limits& limits);

  const std::vector<Entry>& entries() const override { return entries_; }
  /// Throws also invalid_argument for a model whose own settings are beyond the server's limits,
  /// and busy for one that needs more memory than there is.
  std::shared_ptr<server::StreamFactory> open(const std::string& name,
                                              std::stop_token stop) override;

 private:
  EngineOptions options_;
  const server::Limits& limits_;
  std::vector<Entry> entries_;
  std::map<std::string, std::filesystem::path> paths_;
};

}  // namespace streamdiffusion::app

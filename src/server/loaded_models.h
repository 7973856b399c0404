// The models that streams run on. The server starts with one; a stream may change to another one
// that is installed, and a bounded number of them stays in memory.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "server/parameters.h"
#include "server/stream_factory.h"

namespace streamdiffusion::server {

/// What is installed beside the model that the server starts with.
class ModelCatalog {
 public:
  struct Entry {
    std::string name;
    /// Of its files in the hub's cache; 0 for a model that is elsewhere.
    std::uint64_t bytes = 0;
  };

  virtual ~ModelCatalog() = default;
  /// The same as long as the server runs.
  virtual const std::vector<Entry>& entries() const = 0;
  /// Opens one of the entries; never downloads. May take seconds. Throws Error, and busy soon after
  /// `stop` is requested. One call at a time.
  virtual std::shared_ptr<StreamFactory> open(const std::string& name, std::stop_token stop) = 0;
};

/// A model that is in memory, and its parameters.
struct StreamModel {
  std::shared_ptr<StreamFactory> factory;
  ParameterTable table;
};

/// Thread-safe.
class LoadedModels {
 public:
  /// `first` always stays. `catalog` may be null; both must outlive this.
  LoadedModels(StreamFactory& first, ModelCatalog* catalog, const Limits& limits);

  const std::shared_ptr<const StreamModel>& first() const { return first_; }
  /// All that a stream can run on, the first model before the others; the others are there only
  /// where more than one may stay loaded.
  const std::vector<ModelCatalog::Entry>& entries() const { return entries_; }
  bool has(std::string_view name) const;
  /// The model if it is in memory; else null.
  std::shared_ptr<const StreamModel> loaded(std::string_view name) const;
  /// Those that are in memory now.
  void for_each_loaded(const std::function<void(StreamFactory&)>& visit) const;
  /// The model, opened if it is not in memory. May take seconds. One that no stream uses makes way,
  /// the longest unused first. Throws HttpError 503 where streams use all, or while another model
  /// is being opened, and 404 for a name that is not among the entries.
  std::shared_ptr<const StreamModel> open(const std::string& name, std::stop_token stop);

 private:
  std::shared_ptr<const StreamModel> find(std::string_view name) const;
  /// Lets go of unused models until one more may be loaded.
  void release_unused();

  ModelCatalog* catalog_;
  const Limits& limits_;
  std::vector<ModelCatalog::Entry> entries_;
  std::vector<std::string> names_;
  std::shared_ptr<const StreamModel> first_;
  /// Held while a model is opened.
  std::mutex opening_;
  mutable std::mutex mutex_;
  /// Beside the first one; the one that was asked for last is at the end.
  std::list<std::shared_ptr<const StreamModel>> others_;
};

}  // namespace streamdiffusion::server

#include "server/loaded_models.h"

#include <algorithm>

#include "base/error.h"
#include "base/memory.h"
#include "json/quote.h"

namespace streamdiffusion::server {
namespace {

std::vector<ModelCatalog::Entry> entries_of(const StreamFactory& first, const ModelCatalog* catalog,
                                            const Limits& limits) {
  std::vector<ModelCatalog::Entry> entries{{first.info().model}};
  if (catalog == nullptr || limits.models < 2) return entries;
  for (const ModelCatalog::Entry& entry : catalog->entries()) {
    if (entry.name == entries.front().name) {
      entries.front().bytes = entry.bytes;
    } else {
      entries.push_back(entry);
    }
  }
  return entries;
}

std::vector<std::string> names_of(const std::vector<ModelCatalog::Entry>& entries) {
  std::vector<std::string> names;
  for (const ModelCatalog::Entry& entry : entries) names.push_back(entry.name);
  return names;
}

}  // namespace

LoadedModels::LoadedModels(StreamFactory& first, ModelCatalog* catalog, const Limits& limits)
    : catalog_(catalog),
      limits_(limits),
      entries_(entries_of(first, catalog, limits)),
      names_(names_of(entries_)),
      first_(std::make_shared<StreamModel>(StreamModel{{std::shared_ptr<StreamFactory>(), &first},
                                                       ParameterTable(first, limits, names_)})) {}

bool LoadedModels::has(std::string_view name) const {
  return std::ranges::find(names_, name) != names_.end();
}

std::shared_ptr<const StreamModel> LoadedModels::find(std::string_view name) const {
  if (name == names_.front()) return first_;
  for (const auto& model : others_) {
    if (model->factory->info().model == name) return model;
  }
  return nullptr;
}

std::shared_ptr<const StreamModel> LoadedModels::loaded(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  return find(name);
}

void LoadedModels::for_each_loaded(const std::function<void(StreamFactory&)>& visit) const {
  const std::lock_guard lock(mutex_);
  visit(*first_->factory);
  for (const auto& model : others_) visit(*model->factory);
}

void LoadedModels::release_unused() {
  const auto fits = [this] {
    return 2 + others_.size() <= static_cast<std::size_t>(limits_.models);
  };
  for (auto model = others_.begin(); model != others_.end() && !fits();) {
    model = model->use_count() == 1 ? others_.erase(model) : std::next(model);
  }
  base::trim_memory();
  if (fits()) return;
  throw HttpError(503, "busy",
                  base::concat("streams use as many models as may be loaded (", limits_.models,
                               "); try again when one of them ends"),
                  "model");
}

std::shared_ptr<const StreamModel> LoadedModels::open(const std::string& name,
                                                      std::stop_token stop) {
  if (!has(name)) {
    throw HttpError(404, "not_found", "no model " + json::quote(name) + " is installed", "model");
  }
  const std::unique_lock one_at_a_time(opening_, std::try_to_lock);
  if (!one_at_a_time) {
    throw HttpError(503, "busy", "another model is being opened; try again when it is", "model");
  }
  {
    const std::lock_guard lock(mutex_);
    if (auto found = find(name)) return found;
    release_unused();
  }
  auto factory = catalog_->open(name, std::move(stop));
  const auto model = std::make_shared<const StreamModel>(
      StreamModel{factory, ParameterTable(*factory, limits_, names_)});
  const std::lock_guard lock(mutex_);
  others_.push_back(model);
  return model;
}

}  // namespace streamdiffusion::server

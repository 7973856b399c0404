// What a model folder lacks, looked up by name alone: whether the contents fit is found when the
// model is opened.
#include <algorithm>
#include <set>

#include "base/error.h"
#include "hub/cache.h"
#include "hub/file_choice.h"
#include "json/json.h"

namespace streamdiffusion::hub {
namespace {

namespace fs = std::filesystem;
using json::Json;

class Check {
 public:
  explicit Check(const fs::path& folder) : folder_(folder) {}

  std::vector<std::string> missing() {
    if (has("model_index.json")) {
      pipeline();
    } else if (has("config.json")) {
      weights("");
    } else if (!has_single_file()) {
      missing_.emplace_back("model_index.json");
    }
    return std::move(missing_);
  }

 private:
  bool has(const std::string& path) const {
    std::error_code ignored;
    return fs::is_regular_file(folder_ / path, ignored);
  }

  void need(const std::string& path) {
    if (!has(path)) missing_.push_back(path);
  }

  bool has_single_file() const {
    std::error_code ignored;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder_, ignored)) {
      if (entry.path().extension() == ".safetensors" && entry.is_regular_file(ignored)) return true;
    }
    return false;
  }

  /// An entry of model_index.json is [library, class], or [null, null] for a component that the
  /// pipeline goes without.
  static bool lists(const Json& index, std::string_view name) {
    const auto entry = index.find(name);
    return entry && entry->is(Json::Kind::array) && entry->size() == 2 &&
           !(*entry)[1].is(Json::Kind::null);
  }

  void pipeline() {
    const Json index = Json::read(folder_ / "model_index.json");
    for (const ComponentName& component : pipeline_components()) {
      if (!lists(index, component.name)) continue;
      const std::string prefix = std::string(component.name) + "/";
      switch (component.kind) {
        case ComponentKind::scheduler:
          need(prefix + "scheduler_config.json");
          break;
        case ComponentKind::tokenizer:
          if (has(prefix + "tokenizer.json")) break;
          need(prefix + "vocab.json");
          need(prefix + "merges.txt");
          break;
        case ComponentKind::weights:
          need(prefix + "config.json");
          weights(prefix);
          break;
      }
    }
  }

  void weights(const std::string& prefix) {
    for (const std::string& name : weight_names(Precision::full)) {
      if (!has(prefix + name)) continue;
      if (name.ends_with(".json")) shards(prefix, name);
      return;
    }
    missing_.push_back(prefix + "*.safetensors");
  }

  void shards(const std::string& prefix, const std::string& index) {
    const Json map = Json::read(folder_ / (prefix + index)).at("weight_map");
    std::set<std::string> names;
    for (std::size_t i = 0; i < map.size(); ++i) names.insert(map.member(i).second.string());
    for (const std::string& name : names) {
      check_path(name, map.where());
      need(prefix + name);
    }
  }

  const fs::path& folder_;
  std::vector<std::string> missing_;
};

}  // namespace

std::vector<std::string> missing_files(const fs::path& folder) {
  return Check(folder).missing();
}

}  // namespace streamdiffusion::hub

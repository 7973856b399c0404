#include "metrics_file.h"

#include <filesystem>
#include <nlohmann/json.hpp>
#include <type_traits>

#include "base/file_writer.h"

namespace streamdiffusion::app {
namespace {

nlohmann::json to_json(const Metrics& metrics) {
  nlohmann::json object = nlohmann::json::object();
  for (const Metric& metric : metrics) {
    object[metric.name] = std::visit(
        [](const auto& value) -> nlohmann::json {
          if constexpr (std::is_same_v<std::remove_cvref_t<decltype(value)>, Metrics>) {
            return to_json(value);
          } else {
            return value;
          }
        },
        metric.value);
  }
  return object;
}

}  // namespace

void write_metrics(const std::string& path, const Metrics& metrics) {
  const std::filesystem::path target = base::output_target(path);
  base::create_folders(target.parent_path());
  base::write_file(target, to_json(metrics).dump(2) + '\n');
}

}  // namespace streamdiffusion::app

#include "figures.h"

#include <nlohmann/json.hpp>
#include <type_traits>

#include "base/file_writer.h"

namespace streamdiffusion::app {
namespace {

nlohmann::json to_json(const Figures& figures) {
  nlohmann::json object = nlohmann::json::object();
  for (const Figure& figure : figures) {
    object[figure.name] = std::visit(
        [](const auto& value) -> nlohmann::json {
          if constexpr (std::is_same_v<std::remove_cvref_t<decltype(value)>, Figures>) {
            return to_json(value);
          } else {
            return value;
          }
        },
        figure.value);
  }
  return object;
}

}  // namespace

void write_figures(const std::string& path, const Figures& figures) {
  base::write_file(path, to_json(figures).dump(2) + '\n');
}

}  // namespace streamdiffusion::app

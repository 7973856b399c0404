#include "models/numbered_name.h"

#include "base/parse_number.h"

namespace streamdiffusion::models {

std::optional<NumberedName> numbered_name(std::string_view root, std::string_view tensor) {
  if (!tensor.starts_with(root) || !tensor.substr(root.size()).starts_with('.')) {
    return std::nullopt;
  }
  const std::string_view rest = tensor.substr(root.size() + 1);
  const std::size_t dot = rest.find('.');
  const auto number = base::parse_number<std::size_t>(rest.substr(0, dot));
  return NumberedName{number.value(), rest.substr(dot + 1)};
}

}  // namespace streamdiffusion::models

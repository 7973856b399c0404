#include "osc/answer.h"

#include <nlohmann/json.hpp>

namespace streamdiffusion::osc {
namespace {

void append(const nlohmann::json& value, std::vector<Argument>& out) {
  if (value.is_boolean()) {
    out.emplace_back(value.get<bool>());
  } else if (value.is_number_integer()) {
    out.emplace_back(value.get<std::int64_t>());
  } else if (value.is_number()) {
    out.emplace_back(value.get<double>());
  } else if (value.is_string()) {
    out.emplace_back(value.get<std::string>());
  } else if (value.is_structured()) {
    for (const nlohmann::json& item : value) append(item, out);
  }
}

}  // namespace

Message answer(std::string_view name, const nlohmann::json& value) {
  Message message{"/streamdiffusion/" + std::string(name), {}};
  append(value, message.arguments);
  return message;
}

}  // namespace streamdiffusion::osc

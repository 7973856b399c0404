// Parses any text as JSON, and then as a model's streamdiffusion.json. Only base::Error may be
// thrown.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "json/json.h"
#include "weights/model_folder.h"

namespace {

using streamdiffusion::json::Json;

// Visits values in order and calls their getters. `left` bounds the number of visits, since where()
// searches the whole document.
void visit(const Json& value, int& left) {
  if (--left < 0) return;
  (void)value.where();
  (void)value.found();
  if (value.is(Json::Kind::array)) {
    for (std::size_t i = 0; i < value.size() && left > 0; ++i) visit(value[i], left);
  } else if (value.is(Json::Kind::object)) {
    for (std::size_t i = 0; i < value.size() && left > 0; ++i) {
      const auto [key, member] = value.member(i);
      if (member.is(Json::Kind::null) == value.has(key)) __builtin_trap();
      visit(member, left);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const Json root =
        Json::parse({reinterpret_cast<const char*>(data), size}, "fuzz.json", {.values = 20000});
    int left = 100;
    visit(root, left);
    streamdiffusion::weights::parse_model_defaults(root);
  } catch (const streamdiffusion::base::Error&) {
  }
  return 0;
}

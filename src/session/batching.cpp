#include "session/batching.h"

#include "base/error.h"
#include "base/log.h"
#include "base/parse_number.h"

namespace streamdiffusion::session {
namespace {

constexpr int kMaxRows = 64, kAutomaticRows = 16;

}  // namespace

Batching batching(std::string_view word, const backend::Device& device) {
  if (word == "off") return {.why_off = "batching is off"};
  const bool automatic = word == "auto";
  const auto rows = automatic ? kAutomaticRows : base::parse_number<int>(word);
  base::require(rows && *rows >= 2 && *rows <= kMaxRows, base::ErrorCode::invalid_argument,
                "batching is \"", word, "\", expected auto, off, or a number of rows from 2 to ",
                kMaxRows);
  if (device.rows_are_independent()) return {*rows, automatic, {}};
  const std::string why =
      base::concat("on ", device.name(), " the bits of a row depend on the rows beside it");
  if (!automatic) base::warn("batching is ", word, ", but sessions take turns: ", why);
  return {.why_off = why};
}

}  // namespace streamdiffusion::session

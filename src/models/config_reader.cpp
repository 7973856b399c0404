#include "models/config_reader.h"

#include <utility>

#include "base/error.h"

namespace streamdiffusion::models {

using base::concat;
using base::ErrorCode;
using json::Json;

namespace {

constexpr std::size_t kMaxLevels = 16;

void check_levels(const Json& value, std::size_t levels) {
  if (!value.is(Json::Kind::array) || value.size() != levels) {
    value.refuse(concat("an array with one entry for each of the ", levels, " levels"));
  }
}

}  // namespace

void refuse_value(const Json& value, std::string_view implemented) {
  base::fail(ErrorCode::unsupported, value.where(), " is ", value.found(),
             ", which is not implemented; expected ", implemented);
}

ConfigReader::ConfigReader(Json config, std::string_view class_name) : config_(std::move(config)) {
  if (!config_.is(Json::Kind::object)) config_.refuse("an object");
  only("_class_name", class_name);
}

std::optional<Json> ConfigReader::value(std::string_view key) {
  known_.emplace(key);
  for (std::size_t i = 0; i < config_.size(); ++i) {
    auto [name, member] = config_.member(i);
    if (name == key) return std::move(member);
  }
  return std::nullopt;
}

std::int64_t ConfigReader::integer(std::string_view key, std::int64_t absent, std::int64_t lowest,
                                   std::int64_t highest) {
  const auto found = value(key);
  return found ? found->integer(lowest, highest) : absent;
}

float ConfigReader::number(std::string_view key, double absent, double lowest, double highest) {
  const auto found = value(key);
  const double number = found ? found->number() : absent;
  if (number < lowest || number > highest) {
    found->refuse(concat("a number from ", lowest, " to ", highest));
  }
  return static_cast<float>(number);
}

bool ConfigReader::boolean(std::string_view key, bool absent) {
  const auto found = value(key);
  return found ? found->boolean() : absent;
}

std::string ConfigReader::string(std::string_view key, std::string_view absent) {
  const auto found = value(key);
  return found ? found->string() : std::string(absent);
}

std::vector<std::int64_t> ConfigReader::integers(std::string_view key,
                                                 std::vector<std::int64_t> absent,
                                                 std::int64_t lowest, std::int64_t highest) {
  const auto found = value(key);
  if (!found) return absent;
  if (!found->is(Json::Kind::array) || found->size() == 0 || found->size() > kMaxLevels) {
    found->refuse(concat("an array of 1 to ", kMaxLevels, " integers"));
  }
  return found->integers(lowest, highest);
}

std::vector<std::int64_t> ConfigReader::per_level(std::string_view key, std::int64_t absent,
                                                  std::size_t levels, std::int64_t lowest,
                                                  std::int64_t highest) {
  const auto found = value(key);
  if (!found) return std::vector(levels, absent);
  if (found->is(Json::Kind::integer)) return std::vector(levels, found->integer(lowest, highest));
  check_levels(*found, levels);
  return found->integers(lowest, highest);
}

std::vector<std::string> ConfigReader::names(std::string_view key, std::vector<std::string> absent,
                                             std::size_t levels) {
  const auto found = value(key);
  if (found) {
    check_levels(*found, levels);
    return found->strings();
  }
  base::require(absent.size() == levels, ErrorCode::corrupt_file, file(), ": key \"", key,
                "\" is missing, and its default has ", absent.size(), " entries for ", levels,
                " levels");
  return absent;
}

void ConfigReader::ignore(std::initializer_list<std::string_view> keys) {
  for (const std::string_view key : keys) known_.emplace(key);
}

void ConfigReader::only_null(std::initializer_list<std::string_view> keys) {
  for (const std::string_view key : keys) {
    const auto found = value(key);
    if (found && !found->is(Json::Kind::null)) refuse_value(*found, "null");
  }
}

void ConfigReader::only_false(std::initializer_list<std::string_view> keys) {
  for (const std::string_view key : keys) {
    const auto found = value(key);
    if (!found || found->is(Json::Kind::null)) continue;
    if (!found->is(Json::Kind::boolean) || found->boolean()) refuse_value(*found, "false");
  }
}

void ConfigReader::only(std::string_view key, double number) {
  const auto found = value(key);
  if (!found) return;
  const bool numeric = found->is(Json::Kind::integer) || found->is(Json::Kind::number);
  if (!numeric || found->number() != number) refuse_value(*found, concat(number));
}

void ConfigReader::only(std::string_view key, std::string_view text) {
  const auto found = value(key);
  if (!found) return;
  if (!found->is(Json::Kind::string) || found->string() != text) {
    refuse_value(*found, concat('"', text, '"'));
  }
}

void ConfigReader::finish() const {
  std::string unknown;
  for (std::size_t i = 0; i < config_.size(); ++i) {
    const auto [name, member] = config_.member(i);
    if (name.starts_with('_') || known_.contains(name)) continue;
    unknown += concat(unknown.empty() ? "" : "; ", member.where(), " is ", member.found());
  }
  base::require(unknown.empty(), ErrorCode::unsupported,
                "keys that this version does not know and will not ignore: ", unknown);
}

}  // namespace streamdiffusion::models

// See config_reader.h. Every getter records its key, so that finish() finds the keys never asked
// for.
#include "models/config_reader.h"

#include <utility>

#include "base/error.h"
#include "base/join.h"

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

void fail_not_implemented(const Json& value, std::string_view implemented) {
  base::fail(ErrorCode::unsupported, value.where(), " is ", value.found(),
             ", which is not implemented; expected ", implemented);
}

ConfigReader::ConfigReader(Json config, std::string_view class_name) : config_(std::move(config)) {
  if (!config_.is(Json::Kind::object)) config_.refuse("an object");
  expect("_class_name", class_name);
}

std::optional<Json> ConfigReader::value(std::string_view key) {
  known_keys_.emplace(key);
  for (std::size_t i = 0; i < config_.size(); ++i) {
    auto [name, member] = config_.member(i);
    if (name == key) return std::move(member);
  }
  return std::nullopt;
}

std::int64_t ConfigReader::integer(std::string_view key, std::int64_t default_value,
                                   std::int64_t min, std::int64_t max) {
  const auto found = value(key);
  return found ? found->integer(min, max) : default_value;
}

float ConfigReader::number(std::string_view key, double default_value, double min, double max) {
  const auto found = value(key);
  const double number = found ? found->number() : default_value;
  if (number < min || number > max) {
    found->refuse(concat("a number from ", min, " to ", max));
  }
  return static_cast<float>(number);
}

bool ConfigReader::boolean(std::string_view key, bool default_value) {
  const auto found = value(key);
  return found ? found->boolean() : default_value;
}

std::string ConfigReader::string(std::string_view key, std::string_view default_value) {
  const auto found = value(key);
  return found ? found->string() : std::string(default_value);
}

std::vector<std::int64_t> ConfigReader::integers(std::string_view key,
                                                 std::vector<std::int64_t> default_value,
                                                 std::int64_t min, std::int64_t max) {
  const auto found = value(key);
  if (!found) return default_value;
  if (!found->is(Json::Kind::array) || found->size() == 0 || found->size() > kMaxLevels) {
    found->refuse(concat("an array of 1 to ", kMaxLevels, " integers"));
  }
  return found->integers(min, max);
}

std::vector<std::int64_t> ConfigReader::per_level(std::string_view key, std::int64_t default_value,
                                                  std::size_t levels, std::int64_t min,
                                                  std::int64_t max) {
  const auto found = value(key);
  if (!found) return std::vector(levels, default_value);
  if (found->is(Json::Kind::integer)) return std::vector(levels, found->integer(min, max));
  check_levels(*found, levels);
  return found->integers(min, max);
}

std::vector<std::string> ConfigReader::names(std::string_view key,
                                             std::vector<std::string> default_value,
                                             std::size_t levels) {
  const auto found = value(key);
  if (found) {
    check_levels(*found, levels);
    return found->strings();
  }
  base::require(default_value.size() == levels, ErrorCode::corrupt_file, file(), ": key \"", key,
                "\" is missing, and its default has ", default_value.size(), " entries for ",
                levels, " levels");
  return default_value;
}

void ConfigReader::ignore(std::initializer_list<std::string_view> keys) {
  for (const std::string_view key : keys) known_keys_.emplace(key);
}

void ConfigReader::expect_null(std::initializer_list<std::string_view> keys) {
  for (const std::string_view key : keys) {
    const auto found = value(key);
    if (found && !found->is(Json::Kind::null)) fail_not_implemented(*found, "null");
  }
}

void ConfigReader::expect_false(std::initializer_list<std::string_view> keys) {
  for (const std::string_view key : keys) {
    const auto found = value(key);
    if (!found || found->is(Json::Kind::null)) continue;
    if (!found->is(Json::Kind::boolean) || found->boolean()) fail_not_implemented(*found, "false");
  }
}

void ConfigReader::expect(std::string_view key, double number) {
  const auto found = value(key);
  if (!found) return;
  const bool numeric = found->is(Json::Kind::integer) || found->is(Json::Kind::number);
  if (!numeric || found->number() != number) fail_not_implemented(*found, concat(number));
}

void ConfigReader::expect(std::string_view key, std::string_view text) {
  const auto found = value(key);
  if (!found) return;
  if (!found->is(Json::Kind::string) || found->string() != text) {
    fail_not_implemented(*found, concat('"', text, '"'));
  }
}

void ConfigReader::finish() const {
  std::vector<std::string> unknown;
  for (std::size_t i = 0; i < config_.size(); ++i) {
    const auto [name, member] = config_.member(i);
    if (name.starts_with('_') || known_keys_.contains(name)) continue;
    unknown.push_back(concat(member.where(), " is ", member.found()));
  }
  base::require(unknown.empty(), ErrorCode::unsupported,
                "keys that this version does not know and will not ignore: ",
                base::joined(unknown, {}, "; "));
}

}  // namespace streamdiffusion::models

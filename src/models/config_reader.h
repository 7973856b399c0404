// Reads a model's config.json without silently ignoring a key. Each key is either read, declared to
// change nothing, or required to have the one value that is implemented. An unknown key is an
// error.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "json/json.h"

namespace streamdiffusion::models {

/// The most channels of a layer; more is taken for a damaged file.
inline constexpr std::int64_t kMaxChannels = 1 << 16;

class ConfigReader {
 public:
  /// `class_name` is the value that "_class_name" must have if the file has that key. Throws
  /// unsupported otherwise.
  ConfigReader(json::Json config, std::string_view class_name);

  /// The value of a key, which may be null; nothing if the key is absent.
  std::optional<json::Json> value(std::string_view key);

  /// A scalar, or `default_value` if the key is absent. Throw corrupt_file for another type, null
  /// or a value outside min..max.
  std::int64_t integer(std::string_view key, std::int64_t default_value, std::int64_t min,
                       std::int64_t max);
  float number(std::string_view key, double default_value, double min, double max);
  bool boolean(std::string_view key, bool default_value);
  std::string string(std::string_view key, std::string_view default_value);

  /// An array of 1 to 16 integers, each in min..max. Throws corrupt_file.
  std::vector<std::int64_t> integers(std::string_view key, std::vector<std::int64_t> default_value,
                                     std::int64_t min, std::int64_t max);
  /// One integer for all levels, or an array with one per level. Throws corrupt_file.
  std::vector<std::int64_t> per_level(std::string_view key, std::int64_t default_value,
                                      std::size_t levels, std::int64_t min, std::int64_t max);
  /// An array of strings, one per level. Throws corrupt_file.
  std::vector<std::string> names(std::string_view key, std::vector<std::string> default_value,
                                 std::size_t levels);

  /// Keys that change no result here, such as training options.
  void ignore(std::initializer_list<std::string_view> keys);
  /// Keys that are implemented for one value only. Throw unsupported unless the key is absent or
  /// has exactly this value; an absent or null key counts as false.
  void expect_null(std::initializer_list<std::string_view> keys);
  void expect_false(std::initializer_list<std::string_view> keys);
  void expect(std::string_view key, double number);
  void expect(std::string_view key, std::string_view text);

  /// Call last. Throws unsupported, naming every key that no method above was called with, except
  /// those that start with '_'.
  void finish() const;

  const std::string& file() const { return config_.file(); }

 private:
  json::Json config_;
  std::set<std::string, std::less<>> known_keys_;
};

/// Throws unsupported with the path of the value, the value, and what is implemented.
[[noreturn]] void fail_not_implemented(const json::Json& value, std::string_view implemented);

}  // namespace streamdiffusion::models

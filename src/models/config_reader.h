// Reads a model's config.json without ever ignoring a key: each one is either read, declared to
// change nothing, or refused with the value it has. A key that nobody named is refused too.
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

class ConfigReader {
 public:
  /// `class_name` is what "_class_name" must say where the file has it. Throws unsupported
  /// otherwise.
  ConfigReader(json::Json config, std::string_view class_name);

  /// The value of a key, null included; nothing if the key is absent.
  std::optional<json::Json> value(std::string_view key);

  /// Scalars, `absent` where the key is absent. Throw corrupt_file on another type (null included)
  /// or range.
  std::int64_t integer(std::string_view key, std::int64_t absent, std::int64_t lowest,
                       std::int64_t highest);
  float number(std::string_view key, double absent, double lowest, double highest);
  bool boolean(std::string_view key, bool absent);
  std::string string(std::string_view key, std::string_view absent);

  /// An array of integers. Throws corrupt_file if it is empty or longer than 16.
  std::vector<std::int64_t> integers(std::string_view key, std::vector<std::int64_t> absent,
                                     std::int64_t lowest, std::int64_t highest);
  /// One integer for all levels, or an array with one a level.
  std::vector<std::int64_t> per_level(std::string_view key, std::int64_t absent, std::size_t levels,
                                      std::int64_t lowest, std::int64_t highest);
  /// An array of names, one a level.
  std::vector<std::string> names(std::string_view key, std::vector<std::string> absent,
                                 std::size_t levels);

  /// Keys that change no result here (training, other users' hints).
  void ignore(std::initializer_list<std::string_view> keys);
  /// Keys implemented for one value only: absent or exactly this. Throw unsupported otherwise.
  void only_null(std::initializer_list<std::string_view> keys);
  void only_false(std::initializer_list<std::string_view> keys);
  void only(std::string_view key, double number);
  void only(std::string_view key, std::string_view text);

  /// Throws unsupported, naming every key that was never asked for and does not start with '_'.
  void finish() const;

  const std::string& file() const { return config_.file(); }

 private:
  json::Json config_;
  std::set<std::string, std::less<>> known_;
};

/// Throws unsupported: where the value stands, the value, and what is implemented.
[[noreturn]] void refuse_value(const json::Json& value, std::string_view implemented);

}  // namespace streamdiffusion::models

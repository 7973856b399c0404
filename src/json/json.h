// Reads untrusted JSON files. Depth, size and number of values are limited, and an object may not
// hold a key twice. A getter that meets another type or range throws an error that names the file,
// the key, the value found and the value expected.
#pragma once

#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace streamdiffusion::json {

struct JsonLimits {
  /// Length of the text.
  std::size_t bytes = std::size_t{64} << 20U;
  /// Values in the whole document.
  std::size_t values = 2'000'000;
  /// Arrays and objects inside each other.
  int depth = 64;
  /// Whether find() and what rests on it take a member that is null for absent, as the files of
  /// models do. Otherwise it is there, and refused by the getters of other kinds.
  bool null_is_absent = true;
};

/// One value of an immutable document; cheap to copy, keeps the document alive.
class Json {
 public:
  enum class Kind : std::uint8_t { null, boolean, integer, number, string, array, object };

  /// Parses a whole text (RFC 8259, UTF-8). `file` is the name that messages use. Throws
  /// corrupt_file if the text is not JSON or exceeds a limit.
  static Json parse(std::string_view text, std::string file, const JsonLimits& limits = {});
  /// Reads and parses a file. Throws not_found, io or corrupt_file.
  static Json read(const std::filesystem::path& file, const JsonLimits& limits = {});

  Kind kind() const;
  bool is(Kind expected) const { return kind() == expected; }
  /// The name that was given to parse() or read().
  const std::string& file() const;
  /// The path to this value, for messages: `unet/config.json: "block_out_channels"[2]`.
  std::string where() const;
  /// The value as messages show it: `3`, `true`, `string "gelu"`, `array of 4`.
  std::string found() const;
  /// Throws corrupt_file: "<where()> is <found()>, expected <expected>". For checks beyond those of
  /// the getters.
  [[noreturn]] void refuse(std::string_view expected) const;

  /// The value itself. Throw corrupt_file if it is of another kind or outside min..max.
  bool boolean() const;
  std::int64_t integer(std::int64_t min = INT64_MIN, std::int64_t max = INT64_MAX) const;
  /// An integer or a floating-point number, finite.
  double number() const;
  const std::string& string() const;

  /// Elements of an array or members of an object; throws corrupt_file for other kinds.
  std::size_t size() const;
  Json operator[](std::size_t index) const;
  /// Key and value of member `index`; members are sorted by key.
  std::pair<std::string_view, Json> member(std::size_t index) const;

  /// A member of an object; one that is null counts as absent (null_is_absent). Where it is, find()
  /// returns nothing and at() throws corrupt_file.
  std::optional<Json> find(std::string_view key) const;
  Json at(std::string_view key) const;
  bool has(std::string_view key) const { return find(key).has_value(); }

  /// A member of an object, or `default_value` where it is absent or null. Throw as the getters do.
  bool boolean_or(std::string_view key, bool default_value) const;
  std::int64_t integer_or(std::string_view key, std::int64_t default_value,
                          std::int64_t min = INT64_MIN, std::int64_t max = INT64_MAX) const;
  double number_or(std::string_view key, double default_value) const;
  std::string string_or(std::string_view key, std::string_view default_value) const;

  /// An array of integers (each in min..max) or of strings. Throw corrupt_file for anything else.
  std::vector<std::int64_t> integers(std::int64_t min = INT64_MIN,
                                     std::int64_t max = INT64_MAX) const;
  std::vector<std::string> strings() const;

  /// Throws corrupt_file naming every member that is not in the list.
  void allow_only(std::span<const std::string_view> keys) const;
  void allow_only(std::initializer_list<std::string_view> keys) const {
    allow_only(std::span(keys.begin(), keys.size()));
  }

 private:
  struct Node;
  struct Document;
  class Builder;

  Json(std::shared_ptr<const Document> document, const Node* node)
      : document_(std::move(document)), node_(node) {}
  const Node& container(Kind kind, const char* expected) const;

  std::shared_ptr<const Document> document_;
  const Node* node_;
};

/// `text` as a JSON string literal, in quotation marks. Bytes that are not UTF-8 become U+FFFD.
std::string json_string(std::string_view text);

/// "null", "true or false", "integer", …
const char* to_string(Json::Kind kind);

}  // namespace streamdiffusion::json

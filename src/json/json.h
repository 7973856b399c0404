// Reads JSON files that a stranger wrote. Depth, size and number of values are limited, a key may
// stand only once, and every getter that does not find what it wants names the file, the key, what
// is there and what was expected.
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
  /// of the text
  std::size_t bytes = std::size_t{64} << 20U;
  /// in the whole document
  std::size_t values = 2'000'000;
  /// of nested arrays and objects
  int depth = 64;
};

/// One value of an immutable document; cheap to copy, keeps the document alive.
class Json {
 public:
  enum class Kind : std::uint8_t { null, boolean, integer, number, string, array, object };

  /// Parses a whole text (RFC 8259, UTF-8). `file` is the name that messages use. Throws
  /// corrupt_file.
  static Json parse(std::string_view text, std::string file, const JsonLimits& limits = {});
  /// Reads and parses a file. Throws not_found, io or corrupt_file.
  static Json read(const std::filesystem::path& file, const JsonLimits& limits = {});

  Kind kind() const;
  bool is(Kind wanted) const { return kind() == wanted; }
  const std::string& file() const;
  /// Where this value stands, for messages: `unet/config.json: "block_out_channels"[2]`.
  std::string where() const;
  /// Kind and, for scalars, the value as written in messages: `string "gelu"`, `array of 4`.
  std::string found() const;
  /// Throws `code` with where(): found(), expected `expected`. For checks that the getters do not
  /// know.
  [[noreturn]] void refuse(std::string_view expected) const;

  /// The value itself; throws corrupt_file when it is of another kind or outside the range.
  bool boolean() const;
  std::int64_t integer(std::int64_t lowest = INT64_MIN, std::int64_t highest = INT64_MAX) const;
  /// An integer or a floating-point number, finite.
  double number() const;
  const std::string& string() const;

  /// Elements of an array or members of an object; throws corrupt_file for other kinds.
  std::size_t size() const;
  Json operator[](std::size_t index) const;
  /// Key and value of member `index`; members are sorted by key.
  std::pair<std::string_view, Json> member(std::size_t index) const;

  /// A member of an object. `find` takes null as absent; `at` throws corrupt_file when there is
  /// none.
  std::optional<Json> find(std::string_view key) const;
  Json at(std::string_view key) const;
  bool has(std::string_view key) const { return find(key).has_value(); }

  /// Members with a default for absent or null.
  bool boolean_or(std::string_view key, bool absent) const;
  std::int64_t integer_or(std::string_view key, std::int64_t absent,
                          std::int64_t lowest = INT64_MIN, std::int64_t highest = INT64_MAX) const;
  double number_or(std::string_view key, double absent) const;
  std::string string_or(std::string_view key, std::string_view absent) const;

  /// An array of integers (each inside the range) or of strings.
  std::vector<std::int64_t> integers(std::int64_t lowest = INT64_MIN,
                                     std::int64_t highest = INT64_MAX) const;
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
  const Node& container(Kind wanted, const char* expected) const;

  std::shared_ptr<const Document> document_;
  const Node* node_;
};

/// A text as JSON writes it, in quotation marks; bytes that are not UTF-8 are replaced.
std::string json_string(std::string_view text);

/// "null", "true or false", "integer", …
const char* to_string(Json::Kind kind);

}  // namespace streamdiffusion::json

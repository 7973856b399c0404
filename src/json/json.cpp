// The getters of Json and their error messages.
#include "json/json.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/join.h"
#include "base/parse_number.h"
#include "json/json_tree.h"
#include "json/quote.h"

namespace streamdiffusion::json {

using base::concat;
using base::ErrorCode;
using base::fail;

const char* to_string(Json::Kind kind) {
  switch (kind) {
    case Json::Kind::null:
      return "null";
    case Json::Kind::boolean:
      return "true or false";
    case Json::Kind::integer:
      return "integer";
    case Json::Kind::number:
      return "number";
    case Json::Kind::string:
      return "string";
    case Json::Kind::array:
      return "array";
    case Json::Kind::object:
      return "object";
  }
  return "?";
}

Json::Kind Json::kind() const {
  return node_->kind;
}

const std::string& Json::file() const {
  return document_->file;
}

// Only error messages need the path. So it is not stored but found by a search of the whole tree.
std::string Json::where() const {
  const auto search = [this](const auto& self, const Node& node) -> std::optional<std::string> {
    if (&node == node_) return std::string();
    for (std::size_t i = 0; i < node.items.size(); ++i) {
      const auto rest = self(self, node.items[i]);
      if (!rest) continue;
      const char* dot = rest->empty() || rest->front() == '[' ? "" : ".";
      if (node.kind == Kind::array) return concat('[', i, ']', dot, *rest);
      return concat(quote(node.keys[i]), dot, *rest);
    }
    return std::nullopt;
  };
  const std::string path = search(search, document_->root).value_or("");
  if (path.empty() || document_->file.empty()) return document_->file + path;
  return document_->file + ": " + path;
}

/// "an empty array", "an array of 1 item"
static std::string described(const char* kind, const char* entry, std::size_t count) {
  if (count == 0) return concat("an empty ", kind);
  return concat("an ", kind, " of ", count, " ", entry, count == 1 ? "" : "s");
}

/// 1.0 is no integer, and must not look like one.
static std::string shown(double number) {
  std::string text = base::number_text(number);
  if (text.find_first_not_of("-0123456789") == std::string::npos) text += ".0";
  return text;
}

std::string Json::found() const {
  switch (node_->kind) {
    case Kind::null:
      return "null";
    case Kind::boolean:
      return node_->boolean ? "true" : "false";
    case Kind::integer:
      return std::to_string(node_->integer);
    case Kind::number:
      return shown(node_->number);
    case Kind::string:
      return "string " + quote(node_->text);
    case Kind::array:
      return described("array", "item", node_->items.size());
    case Kind::object:
      return described("object", "key", node_->items.size());
  }
  return "?";
}

void Json::refuse(std::string_view expected) const {
  fail(ErrorCode::corrupt_file, where(), " is ", found(), ", expected ", expected);
}

bool Json::boolean() const {
  if (node_->kind != Kind::boolean) refuse("true or false");
  return node_->boolean;
}

std::int64_t Json::integer(std::int64_t min, std::int64_t max) const {
  const bool is_integer = node_->kind == Kind::integer;
  if (is_integer && node_->integer >= min && node_->integer <= max) return node_->integer;
  if (min == INT64_MIN && max == INT64_MAX) refuse("an integer");
  if (max == INT64_MAX) refuse(concat("an integer of at least ", min));
  refuse(concat("an integer from ", min, " to ", max));
}

double Json::number() const {
  const bool is_number = node_->kind == Kind::integer || node_->kind == Kind::number;
  if (!is_number || !std::isfinite(node_->number)) refuse("a finite number");
  return node_->number;
}

const std::string& Json::string() const {
  if (node_->kind != Kind::string) refuse("a string");
  return node_->text;
}

const Json::Node& Json::container(Kind kind, const char* expected) const {
  if (node_->kind != kind) refuse(expected);
  return *node_;
}

std::size_t Json::size() const {
  if (node_->kind != Kind::array && node_->kind != Kind::object) refuse("an array or an object");
  return node_->items.size();
}

Json Json::operator[](std::size_t index) const {
  const Node& array = container(Kind::array, "an array");
  if (index >= array.items.size()) refuse(concat("an array of more than ", index));
  return {document_, &array.items[index]};
}

std::pair<std::string_view, Json> Json::member(std::size_t index) const {
  const Node& object = container(Kind::object, "an object");
  if (index >= object.items.size()) refuse(concat("an object of more than ", index));
  return {object.keys[index], Json(document_, &object.items[index])};
}

std::optional<Json> Json::find(std::string_view key) const {
  const Node& object = container(Kind::object, "an object");
  const auto it = std::lower_bound(object.keys.begin(), object.keys.end(), key);
  if (it == object.keys.end() || *it != key) return std::nullopt;
  const Node& value = object.items[static_cast<std::size_t>(it - object.keys.begin())];
  if (value.kind == Kind::null && document_->null_is_absent) return std::nullopt;
  return Json(document_, &value);
}

Json Json::at(std::string_view key) const {
  if (auto value = find(key)) return *std::move(value);
  fail(ErrorCode::corrupt_file, where(), ": key ", quote(key), " is missing");
}

bool Json::boolean_or(std::string_view key, bool default_value) const {
  const auto value = find(key);
  return value ? value->boolean() : default_value;
}

std::int64_t Json::integer_or(std::string_view key, std::int64_t default_value, std::int64_t min,
                              std::int64_t max) const {
  const auto value = find(key);
  return value ? value->integer(min, max) : default_value;
}

double Json::number_or(std::string_view key, double default_value) const {
  const auto value = find(key);
  return value ? value->number() : default_value;
}

std::string Json::string_or(std::string_view key, std::string_view default_value) const {
  const auto value = find(key);
  return value ? value->string() : std::string(default_value);
}

std::vector<std::int64_t> Json::integers(std::int64_t min, std::int64_t max) const {
  const Node& array = container(Kind::array, "an array of integers");
  std::vector<std::int64_t> out;
  out.reserve(array.items.size());
  for (const Node& item : array.items) out.push_back(Json(document_, &item).integer(min, max));
  return out;
}

std::vector<std::string> Json::strings() const {
  const Node& array = container(Kind::array, "an array of strings");
  std::vector<std::string> out;
  out.reserve(array.items.size());
  for (const Node& item : array.items) out.push_back(Json(document_, &item).string());
  return out;
}

void Json::allow_only(std::span<const std::string_view> keys) const {
  const Node& object = container(Kind::object, "an object");
  std::vector<std::string> unknown;
  for (const std::string& key : object.keys)
    if (std::find(keys.begin(), keys.end(), key) == keys.end()) unknown.push_back(quote(key));
  if (unknown.empty()) return;
  fail(ErrorCode::corrupt_file, where(), ": unknown key ", printable(base::joined(unknown), 500),
       "; known are ", base::joined(keys));
}

}  // namespace streamdiffusion::json

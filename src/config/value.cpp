#include "config/value.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string_view>

#include "base/error.h"
#include "base/join.h"
#include "base/parse_number.h"
#include "base/printable.h"
#include "params/empty_note.h"

namespace streamdiffusion::config {
namespace {

using base::ErrorCode;

constexpr std::size_t kLongestShown = 60;

}  // namespace

void Value::refuse_foreign_tag() const {
  constexpr std::string_view kCore = "tag:yaml.org,2002:";
  static const std::set<std::string_view> known{"str",  "int", "float", "bool",
                                                "null", "seq", "map"};
  const std::string tag = node_.Tag();
  if (tag.size() < 2 ||
      (tag.starts_with(kCore) && known.contains(std::string_view(tag).substr(kCore.size()))))
    return;
  base::fail(ErrorCode::invalid_argument, position(), key_, " has the tag \"",
             tag.substr(0, kLongestShown), "\", expected a plain value");
}

std::string Value::position() const {
  return base::concat(file_, ":", node_.Mark().line + 1, ": ");
}

std::string Value::found() const {
  if (node_.IsNull() || (node_.IsScalar() && base::is_blank(node_.Scalar()))) return "empty";
  if (node_.IsSequence()) return base::concat("a list of ", node_.size());
  if (node_.IsMap()) return "a map";
  return base::concat("\"", node_.Scalar().substr(0, kLongestShown), "\"");
}

void Value::refuse(const std::string& expected) const {
  base::fail(ErrorCode::invalid_argument, position(), key_, " is ", found(), ", expected ",
             expected);
}

bool Value::is_off() const {
  if (node_.IsNull()) return true;
  if (!node_.IsScalar()) return node_.size() == 0;
  return node_.Scalar() == "false" || node_.Scalar() == "False" || node_.Scalar() == "none";
}

std::string Value::text() const {
  if (!node_.IsScalar() || base::is_blank(node_.Scalar())) refuse("a text");
  return node_.Scalar();
}

std::string Value::prompt() const {
  if (node_.IsNull() || (node_.IsScalar() && base::is_blank(node_.Scalar())))
    refuse(base::concat("a text; ", params::kNoText));
  return text();
}

bool Value::boolean() const {
  static const std::map<std::string, bool> words{
      {"true", true}, {"false", false}, {"True", true}, {"False", false}};
  const auto found = node_.IsScalar() ? words.find(node_.Scalar()) : words.end();
  if (found == words.end()) refuse("true or false");
  return found->second;
}

double Value::number() const {
  const std::optional<double> value =
      node_.IsScalar() ? base::parse_number<double>(node_.Scalar()) : std::nullopt;
  if (!value || !std::isfinite(*value)) refuse("a number");
  return *value;
}

std::int64_t Value::integer() const {
  const std::optional<std::int64_t> value =
      node_.IsScalar() ? base::parse_number<std::int64_t>(node_.Scalar()) : std::nullopt;
  if (!value) refuse("a whole number");
  return *value;
}

std::vector<Value> Value::list() const {
  if (!node_.IsSequence()) refuse("a list");
  std::vector<Value> values;
  for (const YAML::Node& node : node_) {
    values.emplace_back(node, file_, base::concat(key_, "[", values.size(), "]"));
  }
  return values;
}

void Value::allow_only(const std::vector<std::string>& keys) const {
  std::set<std::string> seen;
  for (const auto& entry : node_) {
    const std::string key = entry.first.IsScalar() ? entry.first.Scalar() : "";
    if (std::ranges::find(keys, key) == keys.end()) {
      base::fail(ErrorCode::invalid_argument, position(), key_, " has the key \"",
                 key.substr(0, kLongestShown), "\", expected ", base::joined(keys));
    }
    base::require(seen.insert(key).second, ErrorCode::invalid_argument, position(), key_, " has ",
                  key, " twice");
  }
}

Value Value::member(const std::string& name) const {
  if (!node_.IsMap()) refuse("a map");
  const YAML::Node found = node_[name];
  if (!found) refuse("a map with " + name);
  return {found, file_, key_ + "." + name};
}

}  // namespace streamdiffusion::config

// One value of a YAML file, read as a type or refused with its line.
#pragma once

#include <yaml-cpp/yaml.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"

namespace streamdiffusion::config {

class Value {
 public:
  /// `key` is what messages call it: "prompt_list[2]".
  Value(YAML::Node node, std::string file, std::string key)
      : node_(std::move(node)), file_(std::move(file)), key_(std::move(key)) {
    refuse_foreign_tag();
  }

  const YAML::Node& node() const { return node_; }
  const std::string& file() const { return file_; }
  const std::string& key() const { return key_; }
  bool is_list() const { return node_.IsSequence(); }
  bool is_map() const { return node_.IsMap(); }
  /// Null, false, "none", or an empty list or map: what switches a feature off.
  bool is_off() const;

  /// Never empty.
  std::string text() const;
  /// The same, with how to say that no text is meant.
  std::string prompt() const;
  bool boolean() const;
  /// As written; whoever reads it checks the range.
  double number() const;
  std::int64_t integer() const;
  std::vector<Value> list() const;
  /// Refuses a map with other keys, or with one twice.
  void allow_only(const std::vector<std::string>& keys) const;
  /// A member of a map; refused if it is not there.
  Value member(const std::string& name) const;

  /// Throws invalid_argument: "a.yaml:3: delta is \"much\", expected a number".
  [[noreturn]] void refuse(const std::string& expected) const;
  /// "a.yaml:3: "
  std::string position() const;

 private:
  std::string found() const;
  /// Of tags, those that say what the value is anyway are passed over: !!str, !!int and the like.
  void refuse_foreign_tag() const;

  YAML::Node node_;
  std::string file_, key_;
};

}  // namespace streamdiffusion::config

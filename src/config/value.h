// One value of a YAML file, read as a type or refused with its place.
#pragma once

#include <yaml-cpp/yaml.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "streamdiffusion/names.h"

namespace streamdiffusion::config {

class Value {
 public:
  /// `key` is what messages call it: "prompt_list[2]".
  Value(YAML::Node node, std::string file, std::string key)
      : node_(std::move(node)), file_(std::move(file)), key_(std::move(key)) {}

  const YAML::Node& node() const { return node_; }
  const std::string& key() const { return key_; }
  bool is_list() const { return node_.IsSequence(); }
  bool is_map() const { return node_.IsMap(); }
  /// Null, false, "none", or an empty list or map: what switches a feature off.
  bool is_off() const;

  std::string text() const;
  bool truth() const;
  double number(double lowest, double highest) const;
  std::int64_t integer(std::int64_t lowest, std::int64_t highest) const;
  std::vector<Value> list() const;
  /// A member of a map; refused if it is not there.
  Value member(const std::string& name) const;
  template <typename Choice>
  Choice one_of(const Names<Choice>& names) const {
    const auto choice = choice_of(names, node_.IsScalar() ? node_.Scalar() : std::string());
    if (!choice) wrong(listed(names));
    return *choice;
  }

  /// Throws invalid_argument: "a.yaml:3: delta is \"much\", expected a number".
  [[noreturn]] void wrong(const std::string& expected) const;
  /// "a.yaml:3: "
  std::string place() const;

 private:
  std::string found() const;

  YAML::Node node_;
  std::string file_, key_;
};

}  // namespace streamdiffusion::config

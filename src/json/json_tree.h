// Private to this folder: the tree behind Json. It has its own node type instead of nlohmann's. The
// size of a node is known, so a limit on the number of values limits the memory, and no third-party
// type leaves the .cpp file.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "json/json.h"

namespace streamdiffusion::json {

struct Json::Node {
  Kind kind = Kind::null;
  bool boolean = false;
  std::int64_t integer = 0;
  double number = 0;
  std::string text;
  /// Elements of an array or values of an object.
  std::vector<Node> items;
  /// Keys of an object, sorted; keys[i] belongs to items[i].
  std::vector<std::string> keys;
};

struct Json::Document {
  std::string file;
  bool null_is_absent = true;
  Node root;
};

}  // namespace streamdiffusion::json

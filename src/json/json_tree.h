// Private to this folder: the tree behind Json. Own nodes and not the parser library's, for their
// size is known, so that a limit on the number of values is a limit on memory, and no third-party
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
  std::vector<Node> items;        // elements of an array, values of an object
  std::vector<std::string> keys;  // of an object, sorted; keys[i] belongs to items[i]
};

struct Json::Document {
  std::string file;
  Node root;
};

}  // namespace streamdiffusion::json

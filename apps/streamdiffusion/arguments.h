// Takes a command's arguments apart before the flag library sees them. That library has a syntax of
// its own inside values ("[a,b]" and "{}" are lists to it, an empty value swallows what follows):
// each value is marked here, so that it stays text, and the mark is taken off where it is read.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace streamdiffusion::app {

enum class Takes {
  nothing,
  /// One value.
  one,
  /// One value or more, once.
  several,
  /// One value or more, any number of times.
  several_each_time,
};

struct KnownFlag {
  /// The same for all spellings of a flag.
  std::string name;
  Takes takes = Takes::nothing;
};

struct KnownFlags {
  std::string command;
  /// By spelling: "--host" and "--listen".
  std::map<std::string, KnownFlag> flags;
  /// Arguments without a flag.
  std::size_t positionals = 0;
};

/// The arguments with each value apart from its flag, and marked. Warns of a value that is the name
/// of a flag. Throws invalid_argument for a flag that is unknown (with the nearest known one),
/// stands twice, or lacks its value, and for an argument that belongs to no flag.
std::vector<std::string> mark_values(const std::vector<std::string>& arguments,
                                     const KnownFlags& known);

/// A value as it was typed.
std::string unmarked(const std::string& value);

}  // namespace streamdiffusion::app

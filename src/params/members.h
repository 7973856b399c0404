// Objects whose members are rows of a table of their own: the settings of a ControlNet, those of an
// IP-Adapter.
#pragma once

#include <algorithm>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/join.h"
#include "json/json.h"
#include "params/check.h"
#include "params/read_json.h"

namespace streamdiffusion::params {

/// The row of that name; null if there is none.
inline const Parameter* find_row(const std::vector<Parameter>& rows, std::string_view name) {
  const auto row =
      std::ranges::find_if(rows, [&](const Parameter& each) { return each.name == name; });
  return row == rows.end() ? nullptr : &*row;
}

inline std::vector<std::string_view> names_of(const std::vector<Parameter>& rows) {
  std::vector<std::string_view> names;
  for (const Parameter& row : rows) names.emplace_back(row.name);
  return names;
}

/// Whether each row's value is in its range.
inline bool accepts_all(const std::vector<Parameter>& rows, const Settings& settings) {
  return std::ranges::all_of(rows, [&](const Parameter& row) {
    return std::visit(
        [&](const auto& type) { return accepts(type, type.member.get(settings).value()); },
        row.type);
  });
}

/// Throws corrupt_file for what is no object of these members, and for other members.
inline void require_object(const json::Json& object, const std::vector<std::string_view>& names) {
  if (!object.is(json::Json::Kind::object)) {
    object.refuse(base::concat("an object of ", base::joined(names)));
  }
  object.allow_only(names);
}

/// Sets those members of the object that are rows of the table.
inline void read_rows(const std::vector<Parameter>& rows, const json::Json& object,
                      Settings& settings) {
  for (std::size_t i = 0; i < object.size(); ++i) {
    const auto [name, value] = object.member(i);
    const Parameter* row = find_row(rows, name);
    if (row != nullptr) read_json(*row, value, settings);
  }
}

/// A list that is shorter than the one that holds leaves the others as they are.
template <typename T>
void append_rest(std::vector<T>& list, const std::vector<T>& now) {
  for (std::size_t i = list.size(); i < now.size(); ++i) list.push_back(now[i]);
}

/// Calls `read` with each item of a list, and its number. `of` says of what the items are.
void for_each_item(const json::Json& list, const char* of, const auto& read) {
  if (!list.is(json::Json::Kind::array)) {
    list.refuse(base::concat("a list of objects, one for each ", of));
  }
  for (std::size_t i = 0; i < list.size(); ++i) read(list[i], i);
}

}  // namespace streamdiffusion::params

// Access to the members of Settings for the rows of the table.
#pragma once

#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "params/table.h"
#include "streamdiffusion/names.h"

namespace streamdiffusion::params {

/// A function from Settings to a reference to one of its members: SD_REACH(live.options.width).
#define SD_REACH(field)         \
  [](auto& settings) -> auto& { \
    return settings.field;      \
  }

template <typename T>
struct Unwrapped {
  using type = T;
};
template <typename T>
struct Unwrapped<std::optional<T>> {
  using type = T;
};

/// Access by way of a function that gives a reference to the member. Optional members that are
/// empty are unset, and so are empty lists.
template <typename T, typename Reach>
Member<T> member(Reach, std::optional<T> fallback = std::nullopt) {
  return {[](const Settings& settings) -> std::optional<T> {
            const auto& field = Reach{}(settings);
            using Field = std::remove_cvref_t<decltype(field)>;
            if constexpr (std::is_same_v<Field, std::optional<typename Unwrapped<Field>::type>>) {
              return field ? std::optional<T>(static_cast<T>(*field)) : std::nullopt;
            } else if constexpr (requires { typename Field::value_type; } &&
                                 !std::is_same_v<Field, std::string>) {
              return field.empty() ? std::nullopt : std::optional<T>(field);
            } else {
              return static_cast<T>(field);
            }
          },
          [](Settings& settings, const T& value) {
            auto& field = Reach{}(settings);
            using Field = typename Unwrapped<std::remove_reference_t<decltype(field)>>::type;
            field = static_cast<Field>(value);
          },
          std::move(fallback)};
}

/// The same for an enumeration, by its words.
template <const auto& names, typename Reach>
Choice choice(Reach, std::optional<std::string> fallback = std::nullopt) {
  std::vector<std::string> words;
  for (const auto& [word, value] : names) words.push_back(word);
  using Value = std::remove_cvref_t<decltype(names.front().second)>;
  return {{[](const Settings& settings) -> std::optional<std::string> {
             const std::optional<Value> value = Reach{}(settings);
             return value ? std::optional(name_of(names, *value)) : std::nullopt;
           },
           [](Settings& settings, const std::string& word) {
             Reach{}(settings) = choice_of(names, word).value();
           },
           std::move(fallback)},
          std::move(words)};
}

}  // namespace streamdiffusion::params

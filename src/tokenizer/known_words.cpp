// Finds prompt words that a model was not trained on, and the known words closest to them.
#include "streamdiffusion/known_words.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>

#include "base/edit_distance.h"
#include "base/input_file.h"
#include "base/join.h"
#include "base/lower_case.h"
#include "base/printable.h"
#include "json/json.h"
#include "json/quote.h"

namespace streamdiffusion {
namespace {

constexpr std::size_t kMaxUnknownWords = 16, kMaxSuggestions = 3;
/// Longer words get no suggestions: the edit distance takes time in the product of both lengths.
constexpr std::size_t kMaxWordBytes = 40;
/// Words that are never reported.
constexpr std::array<std::string_view, 34> kCommonWords{
    "a",   "an",    "and",   "at",    "background", "big",     "by",  "from",  "her",
    "his", "in",    "its",   "large", "left",       "little",  "of",  "on",    "one",
    "or",  "over",  "right", "side",  "small",      "some",    "the", "three", "to",
    "two", "under", "up",    "very",  "with",       "without", "your"};

struct Plural {
  std::string_view ending, singular;
};

constexpr std::array<Plural, 6> kPlurals{
    {{"es", ""}, {"s", ""}, {"ies", "y"}, {"ves", "f"}, {"ves", "fe"}, {"men", "man"}}};

/// Calls `visit` with each run of letters and digits, in lower case. Characters beyond ASCII count
/// as letters, but for white space.
template <typename Visit>
void for_each_word(std::string_view text, const Visit& visit) {
  std::string word;
  const auto finish = [&] {
    if (!word.empty()) visit(word);
    word.clear();
  };
  while (!text.empty()) {
    char32_t code = 0;
    const std::string_view character =
        text.substr(0, std::max<std::size_t>(base::read_utf8(text, code), 1));
    text.remove_prefix(character.size());
    const char c = character[0];
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    const bool beyond = static_cast<unsigned char>(c) >= 0x80 && !base::is_blank(character);
    if (letter || beyond) {
      word += base::lower_case(std::string(character));
    } else {
      finish();
    }
  }
  finish();
}

std::set<std::string, std::less<>> words_of(const KnownWords& known) {
  std::set<std::string, std::less<>> words;
  for (const auto* list : {&known.concepts, &known.styles, &known.colors}) {
    for (const std::string& phrase : *list) {
      for_each_word(phrase, [&](const std::string& word) { words.insert(word); });
    }
  }
  return words;
}

bool is_number(std::string_view word) {
  return word.find_first_not_of("0123456789") == std::string_view::npos;
}

bool is_known(const std::set<std::string, std::less<>>& known, std::string_view word) {
  if (known.contains(word) || is_number(word)) return true;
  if (std::find(kCommonWords.begin(), kCommonWords.end(), word) != kCommonWords.end()) return true;
  return std::ranges::any_of(kPlurals, [&](const Plural& plural) {
    if (word.size() <= plural.ending.size() + 1 || !word.ends_with(plural.ending)) return false;
    std::string singular(word.substr(0, word.size() - plural.ending.size()));
    return known.contains(singular += plural.singular);
  });
}

std::vector<std::string> closest_words(const std::set<std::string, std::less<>>& known,
                                       std::string_view word) {
  std::vector<std::pair<int, std::string>> found;
  const int max_distance = word.size() <= 4 ? 1 : word.size() <= 7 ? 2 : 3;
  for (const std::string& candidate : known) {
    const auto [shorter, longer] = std::minmax({candidate.size(), word.size()});
    if (longer - shorter > static_cast<std::size_t>(max_distance)) continue;
    const int distance = base::edit_distance(word, candidate);
    if (distance <= max_distance) found.emplace_back(distance, candidate);
  }
  std::sort(found.begin(), found.end());
  std::vector<std::string> near;
  for (const auto& [distance, candidate] : found) {
    if (near.size() < kMaxSuggestions) near.push_back(candidate);
  }
  return near;
}

}  // namespace

std::vector<UnknownWord> unknown_words(const KnownWords& known_words, std::string_view prompt) {
  std::vector<UnknownWord> unknown;
  if (known_words.empty()) return unknown;
  const auto known = words_of(known_words);
  std::set<std::string> seen;
  for_each_word(prompt, [&](const std::string& word) {
    if (unknown.size() >= kMaxUnknownWords || is_known(known, word)) return;
    if (!seen.insert(word).second) return;
    UnknownWord entry{word, {}, "the model does not know " + json::quote(word)};
    if (word.size() <= kMaxWordBytes) entry.near = closest_words(known, word);
    if (!entry.near.empty()) entry.message += "; near it: " + base::joined(entry.near);
    unknown.push_back(std::move(entry));
  });
  return unknown;
}

KnownWords read_known_words(const std::string& folder) {
  const std::filesystem::path file = std::filesystem::path(folder) / "concepts.json";
  if (folder.empty() || !base::is_there(file)) return {};
  const json::Json root = json::Json::read(file, {.bytes = 1U << 20U, .values = 50000});
  const auto list = [&root](std::string_view key) {
    const auto found = root.find(key);
    return found ? found->strings() : std::vector<std::string>{};
  };
  return {list("concepts"), list("styles"), list("colors")};
}

}  // namespace streamdiffusion

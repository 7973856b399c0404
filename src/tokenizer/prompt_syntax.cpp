#include "tokenizer/prompt_syntax.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <optional>

#include "base/error.h"
#include "base/parse_number.h"
#include "base/printable.h"
#include "json/quote.h"

namespace streamdiffusion::tokenizer {
namespace {

constexpr double kStep = 1.1, kLimit = 10;
constexpr std::string_view kBrackets = "()[]";

bool is_bracket(char c) {
  return kBrackets.find(c) != std::string_view::npos;
}

/// A run of text, or a bracket.
struct Item {
  /// '\0' for text.
  char bracket = '\0';
  std::string text = {};
  /// Of a bracket with a partner: an opening one multiplies by it, a closing one ends that.
  std::optional<double> weight = std::nullopt;
  /// A bracket whose partner stands right beside it. It stays text, unless there is nothing else.
  bool of_empty_pair = false;
};

/// Text and brackets, with escapes resolved: of the backslashes before a bracket, two are one, and
/// a single one makes the bracket text.
std::vector<Item> items_of(std::string_view prompt) {
  std::vector<Item> items;
  const auto text = [&](std::string_view more) {
    if (more.empty()) return;
    if (items.empty() || items.back().bracket != '\0') items.emplace_back();
    items.back().text += more;
  };
  for (std::size_t i = 0; i < prompt.size();) {
    const std::size_t run = std::min(prompt.find_first_not_of('\\', i), prompt.size()) - i;
    const std::size_t next = i + run;
    if (next == prompt.size() || !is_bracket(prompt[next])) {
      const std::size_t end = std::min(prompt.find_first_of("\\()[]", next), prompt.size());
      text(prompt.substr(i, end - i));
      i = end;
      continue;
    }
    text(prompt.substr(i, run / 2));
    if (run % 2 == 1) {
      text(prompt.substr(next, 1));
    } else {
      items.push_back({.bracket = prompt[next], .text = std::string(1, prompt[next])});
    }
    i = next + 1;
  }
  return items;
}

std::string_view trimmed(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  return text.substr(0, text.find_last_not_of(' ') + 1);
}

/// Takes ":1.3" off the end of a text.
std::optional<double> take_weight(std::string& text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos) return std::nullopt;
  std::string_view number = trimmed(std::string_view(text).substr(colon + 1));
  if (number.size() > 1 && number[0] == '+' && number[1] != '-') number.remove_prefix(1);
  const std::optional<double> weight = base::parse_number<double>(number);
  if (!weight || !std::isfinite(*weight)) return std::nullopt;
  text.resize(colon);
  return weight;
}

/// Gives weights to the brackets that have a partner. Empty ones stay text.
void pair_brackets(std::vector<Item>& items) {
  std::vector<std::size_t> open;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const char bracket = items[i].bracket;
    if (bracket == '(' || bracket == '[') open.push_back(i);
    if (bracket != ')' && bracket != ']') continue;
    const char partner = bracket == ')' ? '(' : '[';
    if (open.empty() || items[open.back()].bracket != partner) continue;
    Item& opening = items[open.back()];
    const bool empty = open.back() + 1 == i;
    open.pop_back();
    if (empty) {
      opening.of_empty_pair = items[i].of_empty_pair = true;
      continue;
    }
    double weight = bracket == ')' ? kStep : 1 / kStep;
    if (bracket == ')' && items[i - 1].bracket == '\0') {
      weight = take_weight(items[i - 1].text).value_or(weight);
    }
    opening.weight = items[i].weight = weight;
  }
}

class Weighing {
 public:
  explicit Weighing(ParsedPrompt& out) : out_(out) {}

  void add(const Item& item) {
    const bool opening = item.bracket == '(' || item.bracket == '[';
    if (!item.weight) {
      append(item.text);
    } else if (opening) {
      weights_.push_back(weights_.back() * *item.weight);
    } else {
      weights_.pop_back();
    }
  }

 private:
  void append(const std::string& text) {
    if (text.empty()) return;
    const double wanted = weights_.back(), weight = std::clamp(wanted, -kLimit, kLimit);
    if (wanted != weight && !warned_) {
      warned_ = true;
      out_.warnings.push_back(base::concat("the weight ", wanted, " of ", json::quote(text),
                                           " is taken as ", weight, ", the limit"));
    }
    const auto value = static_cast<float>(weight);
    if (out_.parts.empty() || out_.parts.back().weight != value) {
      out_.parts.push_back({"", value});
    }
    out_.parts.back().text += text;
  }

  ParsedPrompt& out_;
  std::vector<double> weights_{1.0};
  bool warned_ = false;
};

bool is_word_character(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

bool has_word(std::string_view prompt, std::string_view word) {
  for (std::size_t at = prompt.find(word); at != std::string_view::npos;
       at = prompt.find(word, at + 1)) {
    const std::size_t end = at + word.size();
    const bool begins = at == 0 || !is_word_character(prompt[at - 1]);
    if (begins && (end == prompt.size() || !is_word_character(prompt[end]))) return true;
  }
  return false;
}

/// The first "<…>", "{…}" or "[…]" that has one of the marks inside.
std::string_view first_with(std::string_view prompt, char open, char close, char mark) {
  std::optional<std::size_t> begin;
  bool marked = false;
  for (std::size_t i = 0; i < prompt.size(); ++i) {
    if (prompt[i] == open && (i == 0 || prompt[i - 1] != '\\')) {
      begin = i;
      marked = false;
    } else if (begin && prompt[i] == mark) {
      marked = true;
    } else if (begin && prompt[i] == close) {
      if (marked) return prompt.substr(*begin, i + 1 - *begin);
      begin.reset();
    }
  }
  return {};
}

/// The first word between two pairs of underscores: "__color__".
std::string_view first_wildcard(std::string_view prompt) {
  constexpr std::size_t kMark = 2;
  for (std::size_t at = prompt.find("__"); at != prompt.npos; at = prompt.find("__", at + 1)) {
    std::size_t end = at + kMark;
    while (end < prompt.size() && is_word_character(prompt[end]) && prompt[end] != '_') ++end;
    const bool begins = at == 0 || !is_word_character(prompt[at - 1]);
    if (begins && end > at + kMark && prompt.substr(end, kMark) == "__") {
      return prompt.substr(at, end + kMark - at);
    }
  }
  return {};
}

/// The first word that begins with two dashes and a letter: "--ar".
std::string_view first_flag(std::string_view prompt) {
  constexpr std::size_t kMark = 2;
  for (std::size_t at = prompt.find("--"); at != prompt.npos; at = prompt.find("--", at + 1)) {
    const bool begins = at == 0 || std::isspace(static_cast<unsigned char>(prompt[at - 1])) != 0;
    std::size_t end = at + kMark;
    while (end < prompt.size() && std::isalpha(static_cast<unsigned char>(prompt[end])) != 0) ++end;
    if (begins && end > at + kMark) return prompt.substr(at, end - at);
  }
  return {};
}

bool is_letter(const std::string& text, std::size_t at) {
  return at < text.size() && std::isalpha(static_cast<unsigned char>(text[at])) != 0;
}

/// A bracket without a partner is text. Where a word stands at its inside, it was hardly meant so:
/// "(red apple" and "red apple)", but not "red :)" and "1) red".
void warn_of_lonely_brackets(const std::vector<Item>& items, std::vector<std::string>& warnings) {
  for (std::size_t i = 0; i < items.size(); ++i) {
    const char bracket = items[i].bracket;
    if (bracket == '\0' || items[i].weight) continue;
    const bool opens = bracket == '(' || bracket == '[';
    const std::size_t inside = opens ? i + 1 : i - 1;
    if (inside >= items.size() || items[inside].bracket != '\0') continue;
    const std::string& text = items[inside].text;
    const bool of_word = opens
                             ? is_letter(text, 0) && is_letter(text, 1)
                             : is_letter(text, text.size() - 1) && is_letter(text, text.size() - 2);
    if (!of_word) continue;
    warnings.push_back(base::concat(json::quote(std::string(1, bracket)),
                                    " is read as text: it has no partner, so nothing is "
                                    "emphasized; \\",
                                    std::string(1, bracket), " says that it is meant so"));
    return;
  }
}

/// "(:1.3)", "[]": brackets that have partners, with no text in or between them.
bool is_around_nothing(const std::vector<Item>& items) {
  const auto is_nothing = [](const Item& item) {
    return item.bracket == '\0' ? base::is_blank(item.text) : item.weight || item.of_empty_pair;
  };
  return std::ranges::all_of(items, is_nothing) &&
         std::ranges::any_of(items, [](const Item& item) { return item.bracket != '\0'; });
}

/// Notations of other programs. They are read as text.
void warn_of_other_notations(std::string_view prompt, std::vector<std::string>& warnings) {
  const auto warn = [&](std::string_view found, const char* what) {
    if (found.empty()) return;
    warnings.push_back(base::concat(json::quote(found), " is read as text: ", what));
  };
  warn(first_with(prompt, '<', '>', ':'),
       "a LoRA is loaded with the model (--lora, lora_dict), not by a prompt");
  warn(first_with(prompt, '{', '}', '|'), "there is no choice at random");
  warn(first_with(prompt, '[', ']', '|'), "prompts do not alternate from step to step");
  warn(first_with(prompt, '[', ']', ':'), "prompts do not change from step to step");
  warn(first_wildcard(prompt), "there are no wildcards");
  warn(first_flag(prompt), "a prompt sets nothing else; flags and parameters do");
  if (has_word(prompt, "AND")) warn("AND", "several prompts are blended as a list with weights");
  if (has_word(prompt, "BREAK")) warn("BREAK", "a prompt is one chunk of tokens");
}

}  // namespace

ParsedPrompt parse_prompt(std::string_view prompt) {
  ParsedPrompt out;
  if (trimmed(prompt) == "()") return {.parts = {{}}, .warnings = {}};  // no text, said on purpose
  std::vector<Item> items = items_of(prompt);
  pair_brackets(items);
  if (is_around_nothing(items)) {
    return {.parts = {{}},
            .warnings = {base::concat("there is no text in ", json::quote(prompt),
                                      "; () says that it is meant")}};
  }
  Weighing weighing(out);
  for (const Item& item : items) weighing.add(item);
  if (out.parts.empty()) out.parts.emplace_back();
  warn_of_lonely_brackets(items, out.warnings);
  warn_of_other_notations(prompt, out.warnings);
  return out;
}

}  // namespace streamdiffusion::tokenizer
